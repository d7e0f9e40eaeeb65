"""Every candidate's numbers on the validation split, computed from the saved models themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.rewards import CiderD
from coherent_cxr.serving.selection import ModelRegistrationConfig
from coherent_cxr.training.fingerprint import fingerprint
from coherent_cxr.training.regions import region_source
from coherent_cxr.training.samples import samples_of_split
from coherent_cxr.training.validation import Validator, references_of


def score_candidates(
    config: ModelRegistrationConfig,
    bundles: Mapping[str, ModelBundle],
    store: ImageStore,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    document_frequencies: CiderD,
) -> dict[str, Any]:
    """Score models on the validation split and choose the one to register.

    Args:
        config: The selection rule.
        bundles: Models by system.
        store: Prepared images.
        encoded_reports: ``study_id``, ``split`` and ``sentences`` of word ids.
        findings: ``study_id`` and ``tokens``: the references.
        labels: ``study_id`` and the 14 observations.
        document_frequencies: CIDEr-D with the training split's document frequencies.

    Returns:
        JSON: ``systems`` (numbers by system, ``score`` among them), ``candidate``, ``rule``, and
        ``validation_digest`` of the data behind the numbers.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    systems: dict[str, dict[str, float]] = {}
    digests = set()
    for system, bundle in bundles.items():
        samples = samples_of_split(encoded_reports, store, "validation", bundle.config, images_per_study=1)
        model = bundle.build().to(device)
        regions_of = region_source(model, store, "frozen", Path(config.checkpoint_folder), "auto", device)
        references = references_of(samples, findings, labels)
        validator = Validator(samples, references, bundle.vocabulary, document_frequencies, regions_of)
        numbers = validator.numbers(model)
        systems[system] = {**numbers, "score": config.score(numbers)}
        digests.add(fingerprint(validator.digest, store.digest, samples.study_ids))
    return {
        "systems": systems,
        "candidate": config.choose({system: numbers["score"] for system, numbers in systems.items()}),
        "rule": config.rule,
        "validation_digest": "+".join(sorted(digests)),
    }
