"""Training the image encoder on the labels of the training split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.samples import images_to_tensor
from coherent_cxr.models.bundle import weights_digest
from coherent_cxr.models.image_encoder.backbone import LabelClassifier
from coherent_cxr.models.image_encoder.precision import encoder_autocast
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.models.image_encoder.weights import load_backbone
from coherent_cxr.runtime.distributed import current_world, training_device
from coherent_cxr.runtime.fingerprint import encoder_code, run_key
from coherent_cxr.training.encoder.augmentation import augmented
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.freezing import freeze_up_to
from coherent_cxr.training.encoder.precision import faster_format
from coherent_cxr.training.encoder.scores import auroc_by_label, image_logits, study_means
from coherent_cxr.training.encoder.targets import (
    LabelledImages,
    folds_of,
    frequent_terms,
    labelled_images,
    terms_by_study,
)
from coherent_cxr.training.engine.checkpoint import step_seed
from coherent_cxr.training.engine.history import History
from coherent_cxr.training.engine.loop import Loop, loop_settings
from coherent_cxr.training.engine.schedule import one_cycle


def pretrain_encoder(
    config: EncoderPretrainingConfig,
    store: ImageStore,
    labels: pd.DataFrame,
    splits: pd.DataFrame,
    mesh_terms: pd.DataFrame | None = None,
    extra: Sequence[LabelledImages] = (),
) -> tuple[PretrainedEncoder, pd.DataFrame]:
    """Train the encoder as a multi-label classifier.

    Loss is binary cross-entropy with the positives of rare labels weighted up; the schedule is one cycle of
    AdamW. A killed run continues at its last checkpoint and ends with the same weights.

    Args:
        config: The stage's settings.
        store: Prepared images.
        labels: ``study_id`` and the 14 observations (1, 0, -1, missing).
        splits: ``study_id``, ``split``.
        mesh_terms: ``study_id``, ``term``; used if ``config.mesh_weight`` is positive.
        extra: Further images to learn from, with targets of the 14 observations.

    Returns:
        The encoders, and their history with training loss and validation AUROC per observation; metrics of a
        second encoder and later ones begin with ``member <n>/``.

    Raises:
        ValueError: If no image of the training split is stored, or there is nothing to learn from them.
    """
    train = labelled_images(store, labels, splits, "train", config.uncertain)
    if not len(train.rows):
        raise ValueError(
            "No image of the training split is in the image store, so the encoder has nothing to learn from. "
            "Look at the image exclusions and at vocabulary_building's splits."
        )
    terms: list[str] = []
    if config.mesh_weight and mesh_terms is not None:
        terms = frequent_terms(mesh_terms, set(train.study_ids), config.mesh_min_count)
        by_study = terms_by_study(mesh_terms)
        train = train.with_terms(by_study, terms)
        extra = [images.with_terms({}, terms) for images in extra]
    validation = labelled_images(store, labels, splits, "validation")
    folds = folds_of(splits, config.members) if config.cross_fitted else {}
    members, histories = [], []
    for member in range(config.members):
        one = config.replace(seed=config.seed + member, members=1, cross_fitted=False)
        own = train.of([study for study in train.study_ids if folds.get(study) != member])
        if config.epochs:
            _require_something_to_learn([own, *extra])
        classifier, history = _train_member(one, [own, *extra], validation)
        members.append(classifier)
        named = history["metric"].astype(str)
        histories.append(history.assign(metric=f"member {member + 1}/" + named if member else named))
    # MeSH logits have served their purpose once the features are learnt.
    states = [_without_terms(member) for member in members]
    return PretrainedEncoder(config.encoder, states), pd.concat(histories, ignore_index=True)


def _train_member(
    config: EncoderPretrainingConfig, sources: Sequence[LabelledImages], validation: LabelledImages
) -> tuple[dict[str, Tensor], pd.DataFrame]:
    device = training_device()
    targets = np.concatenate([images.targets for images in sources])
    known = np.concatenate([images.known for images in sources])
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(config.seed))
        backbone = load_backbone(config.encoder, config.weights)
        model = LabelClassifier(targets.shape[1], backbone, config.dropout).to(device)
    if current_world().size > 1 and device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]  # torch's
    if config.epochs == 0:
        return _on_cpu(model), History().table()
    frozen = freeze_up_to(model.backbone, config.frozen_stride)
    if config.precision == "auto":
        side, folder = sources[0].store.size, Path(config.checkpoint_folder)
        config = config.replace(precision=faster_format(model, frozen, side, device, folder))
    averaged = AveragedModel(
        model,
        multi_avg_fn=get_ema_multi_avg_fn(config.average_weights),  # type: ignore[no-untyped-call]  # torch's
        use_buffers=True,
    ).requires_grad_(requires_grad=False)
    if config.compile:
        model.backbone.compile()
    optimizer = torch.optim.AdamW(
        [
            {"params": list(model.backbone.parameters()), "scale": 1.0},
            {"params": list(model.head.parameters()), "scale": config.head_learning_rate_factor},
        ],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
    )
    optimizer.register_step_post_hook(lambda *_: averaged.update_parameters(model))
    kept = cast(LabelClassifier, averaged.module)
    positive_weight = _positive_weight(config, targets, known).to(device)
    label_weight = torch.ones(targets.shape[1], device=device)
    terms = targets.shape[1] - len(OBSERVATIONS)
    if terms:  # all terms together weigh mesh_weight times what all observations weigh
        label_weight[len(OBSERVATIONS) :] = config.mesh_weight * len(OBSERVATIONS) / terms
    first = np.cumsum([0, *(len(images.rows) for images in sources)])

    def train_step(
        step: int, chosen: NDArray[np.int64], randomness: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        model.train()
        for layer in frozen:
            layer.eval()
        pixels = torch.cat(
            [
                images_to_tensor(source.store, source.rows[chosen[here] - first[place]], device)
                for place, source in enumerate(sources)
                if (here := (first[place] <= chosen) & (chosen < first[place + 1])).any()
            ]
        )
        # a batch is read source by source
        order = np.argsort(np.searchsorted(first, chosen, side="right"), kind="stable")
        taught = torch.from_numpy(known[chosen[order]]).to(device).float() * label_weight
        with encoder_autocast(config.precision, device):
            features = model.backbone(augmented(pixels, config.augmentation, randomness))
        loss = functional.binary_cross_entropy_with_logits(
            model.classify(features),
            torch.from_numpy(targets[chosen[order]]).to(device),
            weight=taught,
            pos_weight=positive_weight,
        )
        return loss, {"label_loss": loss.item()}

    def validate() -> dict[str, float]:
        logits = image_logits(kept, validation.store, validation.rows, config.precision, device)
        studies, scores = study_means(validation.study_ids, logits)
        _, truth = study_means(validation.study_ids, validation.targets)
        _, truth_known = study_means(validation.study_ids, validation.known.astype(np.float32))
        return auroc_by_label(scores[:, : len(OBSERVATIONS)], truth == 1, truth_known == 1) if studies else {}

    key = run_key(
        __name__,
        config,
        encoder_code(config.encoder),
        weights_digest(model.state_dict()),
        *(images.digest for images in (*sources, validation)),
        current_world().size,  # which parts a process's batch normalisation sees
    )
    loop = Loop(
        **loop_settings(config),
        name="encoder pretraining",
        model=nn.ModuleDict({"trained": model, "averaged": averaged}),
        optimizer=optimizer,
        samples=len(targets),
        train_step=train_step,
        validate=validate,
        learning_rate=lambda step: config.learning_rate * one_cycle(step / loop.steps),
        checkpoints=Path(config.checkpoint_folder) / f"encoder_pretraining-{key}",
    )
    history = loop.run()
    return _on_cpu(kept), history


def _require_something_to_learn(sources: Sequence[LabelledImages]) -> None:
    images = sum(len(source.rows) for source in sources)
    remedy = "Use more studies, or set encoder_pretraining.epochs to 0 to keep the starting weights."
    if images < 2:
        raise ValueError(f"The encoder has {images} training image(s) and needs at least two. {remedy}")
    if not any((source.targets * source.known).any() for source in sources):
        raise ValueError(
            f"None of {images} training images has a positive label, so there is nothing to tell apart. "
            f"{remedy}"
        )


def _positive_weight(
    config: EncoderPretrainingConfig, targets: NDArray[np.float32], known: NDArray[np.bool_]
) -> Tensor:
    positives = (targets * known).sum(axis=0)
    ratio = (known.sum(axis=0) - positives) / np.maximum(positives, 1)
    weight = np.clip(ratio, 1, config.max_positive_weight) ** config.positive_weight_power
    return torch.from_numpy(weight.astype(np.float32))


def _on_cpu(model: LabelClassifier) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def _without_terms(state: dict[str, Tensor]) -> dict[str, Tensor]:
    labels = len(OBSERVATIONS)
    return {
        name: value[:labels].clone() if name.startswith("head.") else value for name, value in state.items()
    }
