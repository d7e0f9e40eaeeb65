"""What `make run` has to show on the demonstration corpus; run after it, by continuous integration.

The numbers are floors with room for another processor's rounding, not the results (docs/results.md).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd


def newest(name: str) -> Path:
    """Return the newest version of an artifact."""
    (folder,) = Path("data").glob(f"*/{name}")
    return max(folder.glob(f"*/{name}"))


def failures() -> list[str]:
    """Return what is not as it should be, in sentences."""
    scores: dict[str, dict[str, Any]] = json.loads(newest("metrics_summary.json").read_text())
    agreement = pd.read_parquet(newest("finding_token_agreement.parquet"))
    agreeing = agreement[agreement["observation"] == "all findings"].set_index("system")["share"]
    quality = pd.read_parquet(newest("label_quality.parquet"))
    frequent = quality[(quality["split"] == "validation") & (quality["positives"] >= 10)]
    registered = json.loads(newest("registered_model.json").read_text())

    agreed = float(agreeing["mle decided"])

    def finds(system: str) -> float:
        return float(scores[system]["macro-F1-10 corrected"])

    metrics = pd.read_parquet(newest("metrics.parquet"))
    contradictions = metrics[metrics["metric"] == "contradictions per report"].set_index("system")["value"]

    def contradicting(system: str) -> float:
        return float(contradictions[system])

    expected = {
        f"'mle' finds what is drawn: macro-F1-10 {finds('mle'):.3f}, at least .75": finds("mle") >= 0.75,
        "'mle' finds more than the constant and the normal report": finds("mle")
        > max(finds("constant"), finds("normal report")),
        "'mle' writes better than a random training report": scores["mle"]["CIDEr-D"]
        > scores["random training report"]["CIDEr-D"],
        "'mle decided' finds no less than the label classifier that decides, by .05": finds("mle decided")
        > finds("label classifier") - 0.05,
        "no report contradicts itself more often than the references do": contradicting("mle") <= 0.021,
        "at least .85 of the finding tokens agree with their sentences": agreed >= 0.85,
        "the encoder tells labels apart on validation, mean AUROC .93": frequent["auroc"].mean() >= 0.93,
        f"the champion is registered, not only {registered['alias']}": registered["alias"] == "champion",
    }
    return [sentence for sentence, true in expected.items() if not true]


if __name__ == "__main__":
    found = failures()
    for sentence in found:
        print(f"Not true of this run: {sentence}.")
    print("The demonstration shows what it should." if not found else f"{len(found)} checks failed.")
    sys.exit(bool(found))
