"""Likelihood training of the report generator (Liu et al. 2019, section 3.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.features import feature_provider
from coherent_cxr.inference.samples import Samples, samples_of_split
from coherent_cxr.models.bundle import ModelBundle, weights_digest
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.reports.priors import prior_word_ids, priors_of
from coherent_cxr.reports.vocabulary import SPECIAL, Vocabulary
from coherent_cxr.rewards import CiderD
from coherent_cxr.runtime.distributed import current_world, training_device
from coherent_cxr.runtime.fingerprint import encoder_code, run_key
from coherent_cxr.training.engine.checkpoint import step_seed
from coherent_cxr.training.engine.loop import Loop, loop_settings
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.sentinel import tokens_of_findings
from coherent_cxr.training.mle.step import MleStep, sentence_weights
from coherent_cxr.training.validation import ReportReader, Validator, references_of, require_selectable


class TrainedGenerator(NamedTuple):
    """A trained model.

    Attributes:
        bundle: The model.
        history: Its training (step, epoch, split, metric, value).
        examples: Generated reports of validation studies after each epoch (epoch, study_id, reference,
            written).
    """

    bundle: ModelBundle
    history: pd.DataFrame
    examples: list[dict[str, Any]] = []  # noqa: RUF012 - a default of a named tuple, never changed in place


def train_mle(
    config: MleTrainingConfig,
    store: ImageStore,
    encoder: PretrainedEncoder,
    vocabulary: Vocabulary,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    document_frequencies: CiderD,
    labeler: CheXpertLabeler,
) -> TrainedGenerator:
    """Train the generator by likelihood with scheduled sampling.

    Args:
        config: The stage's settings.
        store: Prepared images.
        encoder: The pretrained encoder to start from; it also says which architecture the generator has.
        vocabulary: Words by id.
        encoded_reports: ``study_id``, ``split``, ``sentences`` of word ids.
        findings: ``study_id``, ``tokens``: the references validation compares with.
        labels: ``study_id`` and the 14 observations.
        document_frequencies: CIDEr-D with the training split's document frequencies.
        labeler: Made ``labels``; weighs sentences and labels generated reports for validation.

    Returns:
        The model of the best validation epoch, the history and examples.

    Raises:
        ValueError: If there is nothing to learn from or to validate on.
    """
    device = training_device()
    config = config.replace(generator=config.generator.replace(encoder=encoder.encoder))
    train = samples_of_split(encoded_reports, store, "train", config.generator)
    held_out = samples_of_split(encoded_reports, store, "validation", config.generator, images_per_study=1)
    references = references_of(held_out, findings, labels)
    require_selectable("mle_training.select", config.select, references)
    _require_words(train, vocabulary)
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(config.seed))
        model = ReportGenerator.of_vocabulary(config.generator, vocabulary).to(device)
    backbone = model.encoder.backbone
    backbone.load_state_dict(encoder.backbone_state())
    backbone.requires_grad_(config.encoder == "trainable")
    if model.encoder.labels is not None:
        model.encoder.labels.load_state_dict(encoder.head_state())
    if config.compile:
        backbone.compile()
    folder = Path(config.checkpoint_folder)
    told = prior_word_ids(priors_of(encoded_reports, findings), vocabulary)
    regions_of = feature_provider(model, store, config.encoder, folder, config.precision, device, told)
    validator = Validator(
        held_out,
        references,
        ReportReader(vocabulary, labeler),
        document_frequencies,
        regions_of,
    )
    examples: list[dict[str, Any]] = []

    def validate() -> dict[str, float]:
        numbers = validator.numbers(model)
        epoch = examples[-1]["epoch"] + 1 if examples else 1
        examples.extend({"epoch": epoch, **example} for example in validator.examples(config.examples))
        return numbers

    weights_of = sentence_weights(train, vocabulary, config.finding_weight, labeler)
    step = MleStep(
        config,
        model,
        train,
        regions_of,
        weights_of,
        tokens_of_findings(vocabulary),
        vocabulary.finding_token_ids,
    )
    key = run_key(
        __name__,
        config,
        encoder_code(config.generator.encoder),
        store.digest,
        weights_digest(model.state_dict()),
        vocabulary.to_dict(),
        train.digest,
        validator.digest,
        # which parts a process's batch normalisation sees
        current_world().size if (config.encoder, config.batch_norm) == ("trainable", "train") else 1,
    )
    loop = Loop(
        **loop_settings(config),
        name="likelihood training",
        model=model,
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad]),
        samples=len(train),
        train_step=step,
        validate=validate,
        learning_rate=step.learning_rate,
        checkpoints=folder / f"mle_training-{key}",
        extra_state=lambda: {"examples": examples},
        restore_extra=lambda state: examples.extend(state["examples"]),
    )
    history = loop.run()
    metadata = {
        "system": "mle",
        "label_rules": labeler.name,
        "label_rules_digest": labeler.digest,
        "image_store_digest": store.digest,
        "training_studies": len(set(train.study_ids)),
        "training_images": len(train),
        "processes": current_world().size,
        "threads": loop.progress.threads,
        "notice": "For research only, not for clinical use.",
    }
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    bundle = ModelBundle(config.generator, vocabulary, store.size, weights, metadata)
    return TrainedGenerator(bundle, history, examples)


def _require_words(train: Samples, vocabulary: Vocabulary) -> None:
    words = train.reports.words
    others = torch.tensor([*range(len(SPECIAL)), *vocabulary.silent_ids], device="cpu")
    if bool(torch.isin(words, others).all()):
        raise ValueError(
            f"Not one word of the {len(train)} training reports is in the vocabulary, so there is nothing to "
            "learn to write. Lower vocabulary_building.min_count, and run the pipeline vocabulary_building "
            "again."
        )
