"""The model card: what a registered model is, was trained on, scores and must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coherent_cxr.serving.markdown import code, plain
from coherent_cxr.serving.selection import REFERENCE, ModelRegistrationConfig, Promotion

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
    alias: str,
    promotion: Promotion,
) -> str:
    """Write the card as Markdown; names, notices and reasons are shown as they are, never read as markup.

    Args:
        config: Name, licence and selection rule.
        metadata: The bundle's own record of its training.
        validation: What :func:`coherent_cxr.serving.scoring.score_candidates` returned.
        test: Headline metrics of every system on the test split.
        radiographs: The manifest of the images: ``drawn`` and ``notice``.
        alias: The alias the version got.
        promotion: The decision about the champion.
    """
    system = validation["candidate"]
    notice = plain(radiographs["notice"])
    kind = "synthetic phantoms, **not radiographs**" if radiographs["drawn"] else "radiographs"
    return "\n".join(
        [
            f"# {plain(config.name)}: system {code(system)}",
            "",
            USE,
            "",
            "It writes the findings section of a chest X-ray report from one frontal image "
            "(CNN-RNN-RNN with visual sentinel, Liu et al. 2019, https://arxiv.org/abs/1904.02633).",
            "",
            "## Data",
            "",
            f"- Images: {kind}. {notice}",
            *_items(metadata),
            "- Reports: split by patient; the labels are a rule labeller's. Words that are rare in the "
            "training split are unknown to the model.",
            "",
            "## Numbers on the validation split (they chose this model)",
            "",
            f"Rule for the alias `champion`: {plain(validation['rule'])}. A version that is registered "
            "without earning it bears the alias `challenger`. "
            f"This one got {code(alias)}. {plain(promotion.reason)}",
            "",
            *_assessments(validation),
            "",
            f"Labels by rule set {plain(validation['label_rules'])}. Digest of the data: "
            f"{code(validation['validation_digest'])}.",
            "",
            _table(validation["systems"]),
            "",
            "## Numbers on the test split",
            "",
            "Text metrics by pycocoevalcap; label metrics compare the rule labeller's labels of the "
            "generated and the reference report, and end in the rule set that judged. The results page names "
            "the policy for uncertain labels.",
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
            f"- Weights: {plain(config.licence)}",
            f"- Training images: {notice}",
            "",
        ]
    )


def _assessments(validation: Mapping[str, Any]) -> list[str]:
    """Say of each system what the rule makes of it."""
    lines = []
    for system, found in validation["assessments"].items():
        language = found["cider_difference"]
        against = (
            "the model the others are compared with"
            if system == REFERENCE
            else f"CIDEr-D {language['value']:+.3f} against {REFERENCE}{_interval(language)}"
        )
        reasons = map(plain, found["reasons"])
        may = " ".join(["cannot be champion.", *reasons]) if found["reasons"] else "can be champion."
        lines.append(f"- {code(system)}: {against}; {may}")
    return lines


def _interval(difference: Mapping[str, Any]) -> str:
    low, high = difference["low"], difference["high"]
    return " (too few patients for an interval)" if low is None else f" ({low:+.3f} to {high:+.3f})"


def _items(metadata: Mapping[str, Any]) -> list[str]:
    rows = sorted(metadata.items())
    return [f"- {plain(key.replace('_', ' ').capitalize())}: {plain(value)}" for key, value in rows]


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for numbers in rows.values() for name in numbers))
    lines = ["| system | " + " | ".join(map(plain, columns)) + " |", "|---" * (len(columns) + 1) + "|"]
    for system, numbers in rows.items():
        lines.append(
            "| " + " | ".join([plain(system), *(_cell(numbers.get(name)) for name in columns)]) + " |"
        )
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else plain(value)
