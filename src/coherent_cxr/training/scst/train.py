"""Reinforcement fine-tuning with the NLG and Clinically Coherent rewards (Liu et al. 2019, section 3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.features import feature_provider
from coherent_cxr.inference.samples import batches_per_epoch, samples_of_split
from coherent_cxr.models.bundle import ModelBundle, weights_digest
from coherent_cxr.reports.priors import prior_word_ids, priors_of
from coherent_cxr.rewards import CiderD, RewardContext, build_rewards
from coherent_cxr.runtime.distributed import current_world, training_device
from coherent_cxr.runtime.fingerprint import encoder_code, function_digest, run_key
from coherent_cxr.training.engine.checkpoint import step_seed
from coherent_cxr.training.engine.history import COLUMNS
from coherent_cxr.training.engine.loop import loop_settings
from coherent_cxr.training.mle.train import TrainedGenerator
from coherent_cxr.training.scst.advantage import AdvantageEstimator
from coherent_cxr.training.scst.config import RlFineTuningConfig
from coherent_cxr.training.scst.guard import Guard
from coherent_cxr.training.scst.kl import KlController
from coherent_cxr.training.scst.loop import WatchedLoop
from coherent_cxr.training.scst.policy_gradient import policy_gradient_loss, without_dropout
from coherent_cxr.training.scst.preference import PreferenceWatch
from coherent_cxr.training.scst.reward_validation import Gain, RewardValidator, gain
from coherent_cxr.training.scst.step import RlStep
from coherent_cxr.training.scst.telemetry import CollapseWatch, PolicyCollapsedError
from coherent_cxr.training.validation import ReportReader, references_of, require_selectable

__all__ = ["RlFineTuningConfig", "fine_tune", "policy_gradient_loss", "without_dropout"]


def fine_tune(
    config: RlFineTuningConfig,
    bundle: ModelBundle,
    store: ImageStore,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    document_frequencies: CiderD,
    labeler: CheXpertLabeler,
) -> TrainedGenerator:
    """Fine-tune a likelihood-trained generator with REINFORCE.

    A report Z is sampled, words and stop decisions both; the loss is -advantage * log p(Z), plus the
    likelihood share. The encoder is frozen and dropout is off, so that log p(Z) is the probability with which
    Z was sampled.

    Args:
        config: The run's settings.
        bundle: The likelihood-trained model.
        store: Prepared images.
        encoded_reports: ``study_id``, ``split``, ``sentences`` of word ids.
        findings: ``study_id``, ``tokens``: reference texts of the rewards.
        labels: ``study_id`` and the 14 observations: reference labels of the rewards.
        document_frequencies: CIDEr-D with the training split's document frequencies.
        labeler: Made ``labels``; labels generated reports, for rewards and validation.

    Returns:
        The fine-tuned model and its history; docs/rewards.md lists the metrics. Its last rows compare the
        objective on the validation split before and after, with a 95 % interval, of greedy reports and of
        reports that are sampled as in training.
    """
    device = training_device()
    train = samples_of_split(encoded_reports, store, "train", bundle.config)
    references = references_of(train, findings, labels)
    rewards = build_rewards(config.rewards, RewardContext(document_frequencies, references.labels))
    model, start = bundle.build().to(device), bundle.build().to(device)
    for module in (model, start):
        module.encoder.backbone.requires_grad_(False)
    folder = Path(config.checkpoint_folder)
    told = prior_word_ids(priors_of(encoded_reports, findings), bundle.vocabulary)
    regions_of, start_regions_of = (
        feature_provider(module, store, "frozen", folder, config.precision, device, told)
        for module in (model, start)
    )
    held_out = samples_of_split(encoded_reports, store, "validation", bundle.config, images_per_study=1)
    validation_references = references_of(held_out, findings, labels)
    require_selectable("rl_fine_tuning.select", config.select, validation_references)
    reader = ReportReader(bundle.vocabulary, labeler)
    validator, start_validator = (
        RewardValidator(
            held_out, validation_references, reader, document_frequencies, source, rewards=rewards
        )
        for source in (regions_of, start_regions_of)
    )
    estimator = AdvantageEstimator(rewards, config.gamma, config.samples, config.group_scale)
    kl, preference = KlController(config.kl), PreferenceWatch(config.preference)
    guard = Guard(config.guard, f"{config.system} fine-tuning")
    watch = CollapseWatch(config.collapse, f"{config.system} fine-tuning")
    step = RlStep(
        config=config,
        model=model,
        start=start,
        regions_of=regions_of,
        start_regions_of=start_regions_of,
        train=train,
        references=references,
        reader=reader,
        cider=document_frequencies,
        estimator=estimator,
        kl=kl,
        preference=preference,
    )

    judged: dict[str, list[NDArray[np.float64]]] = {}  # statistics of validated weights, by their digest

    def validate() -> dict[str, float]:
        numbers = validator.numbers(model)
        judged[weights_digest(model.state_dict())] = validator.statistics
        return numbers

    def after_step(step: int, numbers: Mapping[str, float]) -> dict[str, float]:
        watch.observe(step, numbers)
        if "kl_k3" in numbers:
            kl.update(numbers["kl_k3"])
        if "groups_without_spread" in numbers:
            preference.update(numbers["groups_without_spread"])
        return estimator.update(numbers) | {
            "reward_share": numbers["reward_seconds"] / numbers["step_seconds"]
        }

    def restore(state: dict[str, Any]) -> None:
        estimator.load_state_dict(state["estimator"])
        watch.load_state_dict(state["watch"])
        kl.load_state_dict(state["kl"])
        preference.load_state_dict(state["preference"])
        guard.load_state_dict(state["guard"])

    steps = config.epochs * batches_per_epoch(len(train), config.batch_size)
    key = run_key(
        __name__,
        config,
        bundle.digest,
        bundle.config,
        encoder_code(bundle.config.encoder),
        bundle.vocabulary.to_dict(),
        store.digest,
        train.digest,
        references.digest,
        validator.digest,
        [function_digest(reward.function) for reward in config.rewards.values() if reward.function],
    )
    loop = WatchedLoop(
        **loop_settings(config),
        name=f"{config.system} fine-tuning",
        model=model,
        optimizer=torch.optim.Adam([p for p in model.parameters() if p.requires_grad]),
        samples=len(train),
        train_step=step,
        validate=validate,
        learning_rate=lambda step: config.learning_rate * (1 - step / steps if config.decay else 1),
        checkpoints=folder / f"rl_fine_tuning-{config.system}-{key}",
        validate_first=True,
        keep_validated=True,
        inspect=guard.inspect,
        log_every=1,
        extra_state=lambda: {
            "estimator": estimator.state_dict(),
            "watch": watch.state_dict(),
            "kl": kl.state_dict(),
            "preference": preference.state_dict(),
            "guard": guard.state_dict(),
        },
        restore_extra=restore,
        after_step=after_step,
        uses=config.sample_uses,
    )
    try:
        history, ended = loop.run(), "finished"
    except PolicyCollapsedError as collapse:
        history, ended = collapse.history, str(collapse)
    if current_world().leads:
        if bundle.digest not in judged:  # in a run that was resumed
            start_validator.numbers(start)
            judged[bundle.digest] = start_validator.statistics
        if (kept := weights_digest(model.state_dict())) not in judged:
            validate()
        change = gain(rewards, judged[bundle.digest], judged[kept], config.seed)
        rows = [history, _gain_rows(history, "reward", change)]
        if config.validation_samples:
            before, after = (
                of.drawn_statistics(
                    drawing,
                    config.sampling(torch.Generator(device).manual_seed(step_seed(config.seed))),
                    config.validation_samples,
                )
                for of, drawing in ((start_validator, start), (validator, model))
            )
            rows.append(_gain_rows(history, "sampled_reward", gain(rewards, before, after, config.seed)))
        history = pd.concat(rows, ignore_index=True)
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    metadata = {
        **bundle.metadata,
        "system": config.system,
        "label_rules": _rules_of_both(bundle, labeler),
        "label_rules_digest": labeler.digest,
        "fine_tuned_from": bundle.digest,
        "ended": ended,
        "processes": current_world().size,
        "threads": loop.progress.threads,
    }
    return TrainedGenerator(
        ModelBundle(bundle.config, bundle.vocabulary, bundle.image_size, weights, metadata), history
    )


def _rules_of_both(start: ModelBundle, labeler: CheXpertLabeler) -> str:
    """Return the rule set that taught the model, or both where fine-tuning had another."""
    before = start.metadata.get("label_rules", "not recorded")
    return labeler.name if before == labeler.name else f"{before}, then {labeler.name}"


def _gain_rows(history: pd.DataFrame, metric: str, change: Gain) -> pd.DataFrame:
    """Return the gain as rows of the history, at its last step."""
    last = history.iloc[-1]
    values = change._asdict().items()
    rows = [(last["step"], last["epoch"], "validation", f"{metric}_{name}", value) for name, value in values]
    return pd.DataFrame(rows, columns=COLUMNS)
