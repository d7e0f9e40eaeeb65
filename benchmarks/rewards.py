"""How fast rewards are, and whether CIDEr-D, BLEU and ROUGE-L equal pycocoevalcap, on 3,000 real pairs.

References are real Open-I findings from the ``torchxrayvision`` package; each candidate mixes sentences of
its reference with sentences of another report. Document frequencies come from the references, as
pycocoevalcap counts them::

    OMP_NUM_THREADS=1 python benchmarks/rewards.py

"first" computes the references' n-grams in the call, "again" looks them up, as every epoch after the first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from base_settings import base_settings
from numpy.typing import NDArray
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider_scorer import CiderScorer
from pycocoevalcap.rouge.rouge import Rouge
from ratios import note

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.corpora.parsing import ReportParsingConfig, parse_reports
from coherent_cxr.reports.text import detokenize, metric_text, tokenize_findings
from coherent_cxr.rewards import CiderD, bleu, ccr, label_codes, repetition, rouge_l

PAIRS, REPEATS = 3000, 5
Numbers = NDArray[np.float64]


def seconds(work: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Process time of the fastest of several runs, and the result."""
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        result = work()
        taken.append(time.process_time() - begin)
    return min(taken), result


def pairs() -> tuple[list[str], list[str]]:
    dice = np.random.default_rng(0)
    findings = parse_reports(base_settings(ReportParsingConfig)).studies["findings"].dropna()
    tokens = [t for f in findings if (t := tokenize_findings(f).tokens)][:PAIRS]
    candidates = []
    for own in tokens:
        other = tokens[int(dice.integers(len(tokens)))]
        candidates.append(metric_text([s for s in [*own, *other] if dice.random() < 0.5] or own))
    return candidates, [metric_text(report) for report in tokens]


def pycoco_cider(candidates: list[str], references: list[str]) -> Numbers:
    scorer = CiderScorer()
    for candidate, reference in zip(candidates, references, strict=True):
        scorer += (candidate, [reference])
    return np.asarray(scorer.compute_score()[1])


def pycoco_bleu(candidates: list[str], references: list[str]) -> Numbers:
    scorer = BleuScorer(n=4)
    for candidate, reference in zip(candidates, references, strict=True):
        scorer += (candidate, [reference])
    return np.asarray(scorer.compute_score(option="closest", verbose=0)[1][3])


def pycoco_rouge(candidates: list[str], references: list[str]) -> Numbers:
    rouge = Rouge()
    return np.array([rouge.calc_score([c], [r]) for c, r in zip(candidates, references, strict=True)])


def main() -> None:
    candidates, references = pairs()
    counted = [CiderD.from_corpus(references) for _ in range(REPEATS)]
    frequencies = counted[0].to_dict()
    used = CiderD.from_dict(frequencies)
    used.score(candidates, references)
    fresh = [CiderD.from_dict(frequencies) for _ in range(REPEATS)]
    rows = []
    for name, mine, rival, runs in (
        (
            "CIDEr-D, of its corpus",
            lambda: counted.pop().score(candidates, references),
            pycoco_cider,
            REPEATS,
        ),
        (
            "CIDEr-D, other references",
            lambda: fresh.pop().score(candidates, references),
            pycoco_cider,
            REPEATS,
        ),
        ("CIDEr-D, again", lambda: used.score(candidates, references), pycoco_cider, REPEATS),
        ("BLEU-4", lambda: bleu(candidates, references), pycoco_bleu, REPEATS),
        ("ROUGE-L", lambda: rouge_l(candidates, references), pycoco_rouge, REPEATS),
    ):
        taken, values = seconds(mine, runs)
        theirs, expected = seconds(lambda rival=rival: rival(candidates, references), 2)
        rows.append((name, taken, theirs, float(np.abs(values - expected).max())))
    sys.stdout.write(f"{len(references)} pairs\n\n")
    sys.stdout.write("| | ms | pycocoevalcap, ms | ratio | largest difference |\n|---|---|---|---|---|\n")
    for name, taken, theirs, difference in rows:
        sys.stdout.write(
            f"| {name} | {1e3 * taken:.1f} | {1e3 * theirs:.0f} | {theirs / taken:.1f} | {difference:.0e} |\n"
        )
        note(f"{name}, times as fast", theirs / taken, "pycocoevalcap", at_least=1)
    labeler = CheXpertLabeler("corrected")
    texts = [detokenize(tokenize_findings(text).tokens) for text in candidates]
    wanted = label_codes(labeler.label_many(references), OBSERVATIONS)
    cold, _ = seconds(lambda: CheXpertLabeler("corrected").label_many(texts), 1)
    warm, labels = seconds(lambda: label_codes(labeler.label_many(texts), OBSERVATIONS))
    others = {
        "labels of candidates, first": cold,
        "labels of candidates, again": warm,
        "CCR from labels": seconds(lambda: ccr(labels, wanted))[0],
        "repetition": seconds(lambda: repetition(candidates))[0],
    }
    sys.stdout.write("\n| | ms |\n|---|---|\n")
    for name, taken in others.items():
        sys.stdout.write(f"| {name} | {1e3 * taken:.1f} |\n")
    sys.stdout.write(f"\nlabeller: {labeler.cache_statistics.hit_rate:.1%} of sentences known at the end\n")


if __name__ == "__main__":
    main()
