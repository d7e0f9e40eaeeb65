"""Every candidate's numbers on the validation split, computed from the saved models themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.evaluation.statistics.bootstrap import patient_weights, percentile_interval
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.features import feature_provider
from coherent_cxr.inference.samples import samples_of_split
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.reports.priors import prior_word_ids, priors_of
from coherent_cxr.rewards import CiderD
from coherent_cxr.runtime.fingerprint import fingerprint
from coherent_cxr.serving.registration.selection import (
    FINISHED,
    REFERENCE,
    Difference,
    ModelRegistrationConfig,
    assess,
)
from coherent_cxr.training.validation import ReportReader, Validator, references_of


def score_candidates(
    config: ModelRegistrationConfig,
    bundles: Mapping[str, ModelBundle],
    store: ImageStore,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    document_frequencies: CiderD,
    splits: pd.DataFrame,
    labeler: CheXpertLabeler,
) -> dict[str, Any]:
    """Score models on the validation split and choose the one to register.

    Args:
        config: The selection rule.
        bundles: Models by system, the likelihood-trained one among them.
        store: Prepared images.
        encoded_reports: ``study_id``, ``split`` and ``sentences`` of word ids.
        findings: ``study_id`` and ``tokens``: the references.
        labels: ``study_id`` and the 14 observations.
        document_frequencies: CIDEr-D with the training split's document frequencies.
        splits: ``study_id`` and ``patient_id``: what is resampled.
        labeler: Made ``labels``; labels generated reports.

    Returns:
        JSON: ``systems`` (numbers by system, ``score`` among them), ``assessments`` (by system: language
        against the MLE model's, why it cannot be champion, and what of that is collapse), ``candidate``,
        ``by_rule`` (the rule's choice), ``rule``, ``label_rules``, and ``validation_digest`` of the data
        behind the numbers.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    systems: dict[str, dict[str, float]] = {}
    cider: dict[str, dict[str, float]] = {}
    digests = set()
    for system, bundle in bundles.items():
        samples = samples_of_split(encoded_reports, store, "validation", bundle.config, images_per_study=1)
        model = bundle.build().to(device)
        told = prior_word_ids(priors_of(encoded_reports, findings), bundle.vocabulary)
        folder = Path(config.checkpoint_folder)
        regions_of = feature_provider(model, store, "frozen", folder, "auto", device, told)
        references = references_of(samples, findings, labels)
        reader = ReportReader(bundle.vocabulary, labeler)
        validator = Validator(samples, references, reader, document_frequencies, regions_of)
        systems[system] = validator.numbers(model)
        of_reports = validator.read(validator.generated).cider.tolist()
        cider[system] = dict(zip(samples.study_ids, of_reports, strict=True))
        digests.add(fingerprint(validator.digest, store.digest, samples.study_ids))
    patients = dict(zip(splits["study_id"], splits["patient_id"].astype(str), strict=True))
    assessments = {
        system: assess(
            config,
            numbers,
            systems[REFERENCE],
            language_difference(config, cider[system], cider[REFERENCE], patients),
            str(bundles[system].metadata.get("ended", FINISHED)),
        )
        for system, numbers in systems.items()
    }
    choice = config.choose(assessments)
    return {
        "systems": {system: {**own, "score": assessments[system].score} for system, own in systems.items()},
        "assessments": {
            system: {
                "cider_difference": found.language._asdict(),
                "reasons": found.reasons,
                "collapsed": list(found.collapsed),
            }
            for system, found in assessments.items()
        },
        "candidate": choice.registered,
        "by_rule": choice.by_rule,
        "rule": config.rule(labeler.name),
        "label_rules": labeler.name,
        "validation_digest": "+".join(sorted(digests)),
    }


def language_difference(
    config: ModelRegistrationConfig,
    own: Mapping[str, float],
    reference: Mapping[str, float],
    patients: Mapping[str, str],
) -> Difference:
    """Compare two systems' mean CIDEr-D by the paired bootstrap over patients.

    Args:
        config: Number and seed of the resamples.
        own: CIDEr-D by study.
        reference: That of the other system on the same studies.
        patients: Patient by study.

    Returns:
        Own minus reference; of fewer than two patients nothing is known, so there is no interval.
    """
    studies = list(own)
    differences = np.array([own[study] - reference[study] for study in studies])
    of_studies = [patients[study] for study in studies]
    if len(set(of_studies)) < 2:
        return Difference(float(differences.mean()), None, None)
    weights = patient_weights(of_studies, config.resamples, config.seed)
    interval = percentile_interval(weights @ differences / weights.sum(axis=1))
    return Difference(float(differences.mean()), float(interval.low), float(interval.high))
