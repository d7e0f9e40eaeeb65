"""What a stage made, in words: counts and the one number that matters; never text of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from coherent_cxr.chexpert.observations import OBSERVATIONS, LiveMapping

COUNTED = {
    "studies": "studies",
    "images": "images",
    "findings": "findings sections",
    "chexpert_labels": "studies labelled",
    "sentence_labels": "sentences labelled",
    "encoded_reports": "reports encoded",
    "generated_reports": "reports generated",
    "baseline_reports": "reports of baselines",
}
"""Tables whose rows are counted."""
LEFT_OUT = "_exclusions"
HISTORY = "_history"
IN_WORDS = LiveMapping(
    lambda: {
        "auroc": "AUROC",
        "cider": "CIDEr-D",
        f"micro_{len(OBSERVATIONS)}_f1": f"micro-{len(OBSERVATIONS)}-F1",
    }
)
"""The number of a validation that is told, the first that a history has, by its name there."""


def words_of(name: str, data: Any) -> str | None:
    """Say what a dataset holds, or return None if there is nothing to tell.

    Args:
        name: Of the dataset.
        data: What is about to be kept.
    """
    if name in COUNTED and hasattr(data, "__len__"):
        return f"{len(data):,} {COUNTED[name]}"
    if name.endswith(LEFT_OUT) and hasattr(data, "__len__"):
        return f"{len(data):,} left out" if len(data) else None
    if name.endswith(HISTORY):
        return _of_history(name, data)
    tell = SINGLE.get(name)
    return None if tell is None else tell(data)


def headline(
    summary: Mapping[str, Mapping[str, Any]], trained: list[str], chosen: str | None = None
) -> str | None:
    """Say what the chosen generator scores and which one finds most; None if nothing is known.

    Args:
        summary: ``{system: {metric: value}}`` on the test split.
        trained: Names of the generators.
        chosen: The one that was chosen on the validation split, if a choice was made.
    """
    every = dict.fromkeys(name for name_of in summary.values() for name in name_of)
    for metric in (name for first in ("macro-F1-10 ", "micro-") for name in every if name.startswith(first)):
        values = {name: summary.get(name, {}).get(metric) for name in trained}
        known = {name: value for name, value in values.items() if isinstance(value, float)}
        if known:
            best, short = max(known, key=lambda name: known[name]), metric.split()[0]
            first = ""
            if chosen in known and chosen != best:
                first = (
                    f"Chosen on validation: '{chosen}', {short} {_scores(summary, chosen, known[chosen])}. "
                )
            also = ", which was also chosen on validation" if chosen == best else ""
            return (
                f"{first}On the test split '{best}' has the highest {short} of the trained generators, "
                f"{_scores(summary, best, known[best])}{also}. "
                "The results page says which differences are significant."
            )
    return None


def _scores(summary: Mapping[str, Mapping[str, Any]], system: str, findings: float) -> str:
    cider = summary[system].get("CIDEr-D")
    return f"{findings:.3f}" + (f" and CIDEr-D {cider:.3f}" if isinstance(cider, float) else "")


def _of_history(name: str, history: Any) -> str | None:
    if not {"split", "metric", "value"} <= set(getattr(history, "columns", ())):
        return None
    validation = history[history["split"] == "validation"]
    for metric in IN_WORDS:
        values = validation.loc[validation["metric"] == metric, "value"].dropna()
        if len(values):
            whose = name.partition(".")[0].removesuffix(HISTORY)
            return f"{whose}: validation {IN_WORDS[metric]} {values.max():.3f} at best"
    return None


def _splits(data: Any) -> str | None:
    if "split" not in getattr(data, "columns", ()):
        return None
    counts = data["split"].value_counts()
    known = [split for split in ("train", "validation", "test") if split in counts]
    return ", ".join(f"{counts[split]:,} {split}" for split in known)


def _registered(data: Any) -> str | None:
    if not isinstance(data, Mapping) or "version" not in data:
        return None
    alias = f", alias '{data['alias']}'" if data.get("alias") else ""
    return f"version {data['version']} of '{data.get('name')}' is '{data.get('system')}'{alias}"


def _image_store(data: Any) -> str | None:
    return f"{len(data):,} images decoded" if hasattr(data, "__len__") else None


SINGLE: dict[str, Callable[[Any], str | None]] = {
    "splits": _splits,
    "registered_model": _registered,
    "image_store": _image_store,
    "vocabulary": lambda data: f"{len(data['tokens']):,} words" if "tokens" in data else None,
}
