"""How long all metrics with 1,000 resamples take, against scoring every resample again.

Twelve systems on 600 studies; the reports are real Open-I findings from the ``torchxrayvision`` package, in
another order for every system::

    OMP_NUM_THREADS=2 python benchmarks/evaluation_bootstrap.py

The rival scores a resample as most evaluation scripts do: pycocoevalcap for the texts, scikit-learn for the
labels; it computes fewer metrics, and its time for 1,000 resamples is extrapolated from three.
METEOR is left out on both sides: it takes as long as its Java program takes.
"""

from __future__ import annotations

import contextlib
import io
import time

import numpy as np
from base_settings import base_settings
from numpy.typing import NDArray
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from ratios import note
from sklearn.metrics import precision_recall_fscore_support

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.codes import label_codes
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.corpora.openi.loader import parse_openi
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.scoring import comparisons_table, metrics_table, score_systems
from coherent_cxr.evaluation.statistics.bootstrap import patient_weights
from coherent_cxr.evaluation.systems import References, SystemOutput
from coherent_cxr.reports.text import detokenize, metric_text, tokenize_findings

SYSTEMS, STUDIES, RESAMPLES, RIVAL_RESAMPLES = 12, 600, 1000, 3


def corpus() -> tuple[References, list[SystemOutput]]:
    findings = parse_openi(None, None, None).studies["findings"].dropna()[: 2 * STUDIES]
    tokens = [tokenize_findings(text).tokens for text in findings]
    readable, texts = [detokenize(report) for report in tokens], [metric_text(report) for report in tokens]
    codes = {
        judge.name: label_codes(judge.label_many(readable), OBSERVATIONS)
        for judge in base_settings(ChexpertLabellingConfig).judges()
    }

    def of(rows: NDArray[np.int64]) -> dict[str, NDArray[np.int8]]:
        return {rules: own[rows] for rules, own in codes.items()}

    studies = [f"S{n}" for n in range(STUDIES)]
    references = References(studies, studies, texts[:STUDIES], of(np.arange(STUDIES)), texts[STUDIES:])
    outputs = []
    for number in range(SYSTEMS):
        order = np.random.default_rng(number).permutation(len(texts))[:STUDIES]
        outputs.append(SystemOutput(f"system {number}", [texts[i] for i in order], of(order)))
    return references, outputs


def rival(output: SystemOutput, references: References, weights: NDArray[np.float64]) -> None:
    assert output.texts is not None
    for times in weights:
        chosen = np.repeat(np.arange(STUDIES), times.astype(int))
        written = {n: [output.texts[i]] for n, i in enumerate(chosen)}
        wanted = {n: [references.texts[i]] for n, i in enumerate(chosen)}
        with contextlib.redirect_stdout(io.StringIO()):
            for scorer in (Bleu(4), Rouge(), Cider()):
                scorer.compute_score(wanted, written)
        for rules, codes in references.codes.items():
            held, called = codes[chosen] == 1, output.codes[rules][chosen] == 1
            for average in ("micro", "macro", "samples", None):
                precision_recall_fscore_support(held, called, average=average, zero_division=0)


def main() -> None:
    references, outputs = corpus()
    began = time.perf_counter()
    scores = score_systems(
        base_settings(EvaluationConfig, resamples=RESAMPLES, meteor=False), outputs, references
    )
    scored = time.perf_counter()
    rows = len(metrics_table(scores))
    pairs = len(comparisons_table(scores))
    ours = time.perf_counter() - began
    began_rival = time.perf_counter()
    rival(outputs[0], references, patient_weights(references.patients, RIVAL_RESAMPLES, 0))
    theirs = (time.perf_counter() - began_rival) / RIVAL_RESAMPLES * RESAMPLES * SYSTEMS
    print(f"{SYSTEMS} systems, {STUDIES} studies, {RESAMPLES} resamples, {len(scores.metrics)} metrics")
    print(f"{'scores and resamples':<42}{scored - began:>10.1f} s")
    print(f"{'intervals and paired comparisons':<42}{ours - (scored - began):>10.1f} s")
    print(f"{f'all: {rows} values, {pairs} differences':<42}{ours:>10.1f} s")
    print(f"{'each resample scored again (extrapolated)':<42}{theirs:>10.0f} s")
    print(f"{'ratio':<42}{theirs / ours:>10.0f} x")
    note("all metrics with 1,000 resamples, times as fast", theirs / ours, "scoring each again", at_least=20)


if __name__ == "__main__":
    main()
