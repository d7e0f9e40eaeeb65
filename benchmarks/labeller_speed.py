"""How fast the labeller is on one core, against a plain ``re`` implementation in the same run.

The texts are real Open-I findings from the ``torchxrayvision`` package, or, without it, one made-up report::

    OMP_NUM_THREADS=1 python benchmarks/labeller_speed.py [--without-memory]

The rival, "one pattern per phrase", searches each phrase of the lexicon with a regular expression of its own
and negates by the thirty characters before a mention: what a short script would do, and less than the rules
here do.
"""

from __future__ import annotations

import importlib.util
import random
import re
import resource
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from defusedxml import ElementTree
from ratios import note

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.rules.rule_files import load_rules

REPEATS = 5
FALLBACK = (
    "The heart is normal in size. No pleural effusion or pneumothorax. There is a small left basilar "
    "opacity, which may represent atelectasis. Stable mediastinal contours."
)


def findings() -> list[str]:
    """The findings sections of the real reports."""
    spec = importlib.util.find_spec("torchxrayvision")
    archive = Path(spec.origin).parent / "data" / "NLMCXR_reports.tgz" if spec and spec.origin else None
    if archive is None or not archive.exists():
        return [FALLBACK] * 1000
    texts = []
    with tarfile.open(archive) as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.name.endswith(".xml") else None
            if stream is not None:
                parts = ElementTree.fromstring(stream.read()).iter("AbstractText")
                texts += [part.text for part in parts if part.get("Label") == "FINDINGS" and part.text]
    return texts


def pattern_per_phrase() -> Callable[[Sequence[str]], None]:
    lexicon = load_rules().lexicon
    patterns = [(name, re.compile(re.escape(p))) for name, terms in lexicon.items() for p in terms.mentions]
    negation = re.compile(r"\b(no|without|not)\b")

    def label(texts: Sequence[str]) -> None:
        for text in texts:
            lowered = text.lower()
            labels: dict[str, int] = {}
            for name, pattern in patterns:
                for match in pattern.finditer(lowered):
                    negated = negation.search(lowered, max(0, match.start() - 30), match.start())
                    labels[name] = max(labels.get(name, 0), 0 if negated else 1)

    return label


def rate(work: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    """Sections per second of process time, the best of several runs."""
    seconds = []
    for _ in range(REPEATS):
        begin = time.process_time()
        work(texts)
        seconds.append(time.process_time() - begin)
    return len(texts) / min(seconds)


def main() -> None:
    texts = findings()
    sentences = [sentence for text in texts for sentence in text.split(". ") if sentence.strip()]
    dice = random.Random(0)
    templated = [". ".join(dice.choices(sentences, k=5)) + "." for _ in range(20_000)]
    cached = CheXpertLabeler("original")
    cached.label_many(templated)
    rates = {
        "no cache": rate(CheXpertLabeler(cache_size=0).label_many, texts),
        "cache, templated text": rate(cached.label_many, templated),
        "one pattern per phrase": rate(pattern_per_phrase(), texts),
    }
    rival = rates["one pattern per phrase"]
    sys.stdout.write(
        f"{len(texts)} findings sections\n| | sections/s | ratio to the rival |\n|---|---|---|\n"
    )
    for name, value in rates.items():
        sys.stdout.write(f"| {name} | {value:,.0f} | {value / rival:.1f} |\n")
        if value != rival:
            note(f"labeller, {name}, times as fast", value / rival, "one `re` pattern per phrase")
    if "--without-memory" in sys.argv:
        return
    sys.stdout.write(f"\n{cached.cache_statistics}\n\n| reports labelled | peak memory, MiB |\n|---|---|\n")
    labeler = CheXpertLabeler(cache_size=20_000)
    for million in range(1, 11):
        for number in range(100_000):
            labeler.label(f"{templated[number % 20_000]} Nodule of {million}{number} units.")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(f"| {million * 100_000:,} | {peak:.0f} |\n")


if __name__ == "__main__":
    main()
