"""The YAML head of a model card, as Hugging Face's hub reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from coherent_cxr.inputs.names import printable
from coherent_cxr.serving.registration.selection import ModelRegistrationConfig

LICENCES = (
    *("apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0"),
    *("cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0"),
)
"""Licences that the hub knows by these names; any other is ``other``, with its name."""
TAGS = ["radiology", "chest-x-ray", "report-generation", "medical", "research-only"]
LONGEST_NAME = 200


def with_head(
    card: str,
    config: ModelRegistrationConfig,
    validation: Mapping[str, Any],
    test: Mapping[str, Mapping[str, Any]],
    radiographs: Mapping[str, Any],
) -> str:
    """Put the head before a model card.

    Args:
        card: Markdown, as :func:`coherent_cxr.serving.registration.cards.model_card.model_card` writes it.
        config: Name and licence.
        validation: What :func:`coherent_cxr.serving.registration.scoring.score_candidates` returned.
        test: Headline metrics of every system on the test split.
        radiographs: The manifest of the images: ``drawn`` and ``notice``.
    """
    head = yaml.safe_dump(
        card_head(config, validation, test, radiographs), sort_keys=False, allow_unicode=True, width=1_000
    )
    return f"---\n{head}---\n\n{card}"


def card_head(
    config: ModelRegistrationConfig,
    validation: Mapping[str, Any],
    test: Mapping[str, Mapping[str, Any]],
    radiographs: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the head: licence, tags, and numbers of both splits in the form ``model-index``."""
    system, licence = validation["candidate"], config.licence.strip()
    known = licence.lower() in LICENCES
    data = printable(radiographs["notice"], LONGEST_NAME)
    results = [
        _result(data, split, numbers)
        for split, numbers in (
            ("test", test.get(system, {})),
            ("validation", validation["systems"].get(system, {})),
        )
        if _metrics(numbers)
    ]
    return {
        "language": "en",
        "license": licence.lower() if known else "other",
        **({} if known else {"license_name": printable(licence, LONGEST_NAME), "license_link": "#licence"}),
        "library_name": "coherent-cxr",
        "pipeline_tag": "image-to-text",
        "tags": [*TAGS, *(["synthetic-images"] if radiographs["drawn"] else [])],
        **(
            {"model-index": [{"name": printable(config.name, LONGEST_NAME), "results": results}]}
            if results
            else {}
        ),
    }


def _result(data: str, split: str, numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task": {"type": "image-to-text", "name": "Chest radiograph report generation"},
        "dataset": {"type": "chest-radiographs", "name": data, "split": split},
        "metrics": _metrics(numbers),
    }


def _metrics(numbers: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": _type(name), "name": printable(name, LONGEST_NAME), "value": round(float(value), 6)}
        for name, value in numbers.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    ]


def _type(name: str) -> str:
    """Return the kind of a metric by which the hub groups: ``bleu`` of ``BLEU-4, r2gen``."""
    words = name.lower()
    for kind in ("bleu", "rouge", "cider", "meteor", "f1", "accuracy", "precision", "recall"):
        if kind in words:
            return kind
    return re.sub(r"[^a-z0-9]+", "_", words).strip("_") or "number"
