"""The model card: what a registered model is, was trained on, scores and must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coherent_cxr.serving.selection import ModelRegistrationConfig

USE = (
    "**For research only, not for clinical use.** Reports written by this model contain errors, among them "
    "missed and invented findings. No radiologist has checked them."
)


def model_card(
    config: ModelRegistrationConfig,
    metadata: Mapping[str, Any],
    validation: Mapping[str, Any],
    test: Mapping[str, Mapping[str, Any]],
    radiographs: Mapping[str, Any],
) -> str:
    """Write the card as Markdown.

    Args:
        config: Name, licence and selection rule.
        metadata: The bundle's own record of its training.
        validation: What :func:`coherent_cxr.serving.scoring.score_candidates` returned.
        test: Headline metrics of every system on the test split.
        radiographs: The manifest of the images: ``drawn`` and ``notice``.
    """
    system = validation["candidate"]
    kind = "drawn phantoms, **not radiographs**" if radiographs["drawn"] else "radiographs"
    return "\n".join(
        [
            f"# {config.name}: system `{system}`",
            "",
            USE,
            "",
            "It writes the findings section of a chest X-ray report from one frontal image "
            "(CNN-RNN-RNN with visual sentinel, Liu et al. 2019, https://arxiv.org/abs/1904.02633).",
            "",
            "## Data",
            "",
            f"- Images: {kind}. {radiographs['notice']}",
            *_items(metadata),
            "- Reports: split by patient; the labels are a rule labeller's. Words that are rare in the "
            "training split are unknown to the model.",
            "",
            "## Numbers on the validation split (they chose this model)",
            "",
            f"Rule: {validation['rule']}. Digest of the data: `{validation['validation_digest']}`.",
            "",
            _table(validation["systems"]),
            "",
            "## Numbers on the test split",
            "",
            "Text metrics by pycocoevalcap; label metrics compare the rule labeller's labels of the written "
            "and the reference report. The results page names the policy for uncertain labels.",
            "",
            _table(test),
            "",
            "## Limits",
            "",
            "- One corpus, one image per study, no prior studies; rare findings are mostly missed.",
            "- Label metrics and training reward share one labeller, which flatters models trained on it.",
            "",
            "## Licence",
            "",
            f"- Weights: {config.licence}",
            f"- Training images: {radiographs['notice']}",
            "",
        ]
    )


def _items(metadata: Mapping[str, Any]) -> list[str]:
    return [f"- {key.replace('_', ' ').capitalize()}: {value}" for key, value in sorted(metadata.items())]


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for numbers in rows.values() for name in numbers))
    lines = ["| system | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for system, numbers in rows.items():
        lines.append("| " + " | ".join([system, *(_cell(numbers.get(name)) for name in columns)]) + " |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
