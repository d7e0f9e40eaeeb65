"""Every metric of every system, with intervals and paired comparisons."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from coherent_cxr.chexpert.changes import ChangeReader
from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.judges.interface import Judge
from coherent_cxr.evaluation.judges.registry import usable_judges
from coherent_cxr.evaluation.metrics.clinical import clinical_measures
from coherent_cxr.evaluation.metrics.diversity import diversity_measures
from coherent_cxr.evaluation.metrics.language import REPEATS_KEPT, language_measures
from coherent_cxr.evaluation.metrics.measures import Array, Measure, Metric, Renamed
from coherent_cxr.evaluation.metrics.meteor import METEOR, meteor
from coherent_cxr.evaluation.metrics.protocols import Protocol, Reports, Tokenizer, column_name, tokenizer
from coherent_cxr.evaluation.metrics.temporal import temporal_measure
from coherent_cxr.evaluation.metrics.text_quality import TextQuality, text_quality
from coherent_cxr.evaluation.statistics.bootstrap import (
    adjusted_p_value,
    centred,
    paired_p_value,
    percentile_interval,
    standardised,
    weight_blocks,
)
from coherent_cxr.evaluation.systems import References, SystemOutput
from coherent_cxr.evaluation.tables import KEYS
from coherent_cxr.rewards.language.cider import CiderD


@dataclass(frozen=True)
class Scores:
    """Measured and resampled values.

    Attributes:
        systems: Names.
        metrics: Names of the metrics.
        measured: On the studies as they are ``(systems, metrics)``; NaN where a system has no such metric.
        resampled: In each resample ``(systems, resamples, metrics)``; the same resamples for every system.
    """

    systems: list[str]
    metrics: list[Metric]
    measured: Array
    resampled: Array

    def value(self, system: str, metric: Metric) -> float:
        """Return one measured value."""
        return float(self.measured[self.systems.index(system), self.metrics.index(metric)])


def score_systems(
    config: EvaluationConfig, outputs: Sequence[SystemOutput], references: References
) -> Scores:
    """Score all systems on the same studies and the same resamples of their patients.

    Args:
        config: Number and seed of the resamples.
        outputs: Reports and labels of the systems.
        references: The truth.
    """
    whole = np.ones((1, len(references.study_ids)))
    judges = usable_judges(config.judges)
    rulers = [Ruler.of(protocol, config, references) for protocol in config.protocols]
    generated = {o.name: rulers[0].tokenize(o.reports) for o in outputs if o.reports is not None}
    meteors = meteor(generated, rulers[0].reference_texts) if config.meteor else {}
    shown = Shown(text_quality(shown_labeler()), ChangeReader(shown_labeler()))
    by_system = [_measures(judges, output, references, rulers, shown) for output in outputs]
    for output, measures in zip(outputs, by_system, strict=True):
        if output.name in meteors:
            name = Metric(column_name(METEOR.name, config.protocols[0]))
            measures.append(dataclasses.replace(meteors[output.name], metrics=[name]))
    every = [measure for measures in by_system for measure in measures]
    metrics = list(dict.fromkeys(metric for measure in every for metric in measure.metrics))
    place = {metric: column for column, metric in enumerate(metrics)}
    measured = np.full((len(outputs), len(metrics)), np.nan)
    resampled = np.full((len(outputs), config.resamples, len(metrics)), np.nan)
    columns = {id(measure): [place[metric] for metric in measure.metrics] for measure in every}
    for row, measures in enumerate(by_system):
        for measure in measures:
            measured[row, columns[id(measure)]] = measure.values(whole)[0]
    begin = 0
    for weights in weight_blocks(references.patients, config.resamples, config.seed):
        rows = slice(begin, begin := begin + len(weights))
        for row, measures in enumerate(by_system):
            for measure in measures:
                resampled[row][rows, columns[id(measure)]] = measure.values(weights)
    for row, measures in enumerate(by_system):
        for measure in measures:
            if measure.centred:
                here = columns[id(measure)]
                resampled[row][:, here] = centred(resampled[row][:, here], measured[row, here])
    return Scores([output.name for output in outputs], metrics, measured, resampled)


@dataclass(frozen=True)
class Ruler:
    """A protocol, ready to measure.

    Attributes:
        protocol: Its name.
        tokenize: Brings reports into its tokens.
        reference_texts: The references in them.
        cider: In how many references each n-gram stands.
    """

    protocol: Protocol
    tokenize: Tokenizer
    reference_texts: list[str]
    cider: CiderD

    @classmethod
    def of(cls, protocol: Protocol, config: EvaluationConfig, references: References) -> Ruler:
        """Prepare a protocol for these references."""
        tokenize = tokenizer(protocol, config.r2gen, references.readable_training)
        texts = tokenize(references.reports)
        return cls(protocol, tokenize, texts, CiderD.from_corpus(texts))

    def measures(self, reports: Reports) -> list[Measure]:
        """Measure the language of generated reports; the metrics bear the protocol's name."""
        found = language_measures(self.tokenize(reports), self.reference_texts, self.cider)
        return [*found] if self.protocol == "house" else [Renamed(m, self.protocol) for m in found]


class Shown(NamedTuple):
    """What reads reports as they are shown; both remember what they have read."""

    quality: TextQuality
    changes: ChangeReader

    def measures(self, reports: Reports, references: Reports) -> list[Measure]:
        """Return faults of the text, and whether it tells the course of findings as the references do."""
        texts = reports.readable, references.readable
        course = temporal_measure(self.changes, *texts)
        return [self.quality.measure(*texts), *([] if course is None else [course])]


def _measures(
    judges: Sequence[Judge],
    output: SystemOutput,
    references: References,
    rulers: Sequence[Ruler],
    shown: Shown,
) -> list[Measure]:
    clinical = [
        measure
        for rules, codes in references.codes.items()
        for measure in clinical_measures(output.codes[rules], codes, rules)
    ]
    if output.texts is None or output.reports is None:
        return clinical
    by_ruler = [ruler.measures(output.reports) for ruler in rulers]
    # repeated sentences are a matter of decoding, not of tokens: the first protocol shows what they change
    kept = by_ruler[0] if output.decoded is None else rulers[0].measures(output.decoded)
    language = [measure for own in by_ruler for measure in own]
    language += [Renamed(measure, REPEATS_KEPT) for measure in kept]
    repeats = np.zeros((len(output.texts), 2), np.int64) if output.repeats is None else output.repeats
    sameness = diversity_measures(output.texts, references.texts, references.training, repeats)
    judged = [judge.measure(output.texts, references.texts) for judge in judges]
    readable = shown.measures(output.reports, references.reports)
    return [*language, *sameness, *readable, *judged, *clinical]


def metrics_table(scores: Scores) -> pd.DataFrame:
    """Return one row per system and metric: value and 95 % interval over patients.

    Returns:
        ``system``, the fields of :class:`Metric`, ``value``, ``low``, ``high``.
    """
    rows = []
    for number, system in enumerate(scores.systems):
        interval = percentile_interval(scores.resampled[number])
        for column, metric in enumerate(scores.metrics):
            value = scores.measured[number, column]
            if not np.isnan(value):
                rows.append((system, *metric, value, interval.low[column], interval.high[column]))
    return pd.DataFrame(rows, columns=["system", *KEYS, "value", "low", "high"])


def comparisons_table(scores: Scores) -> pd.DataFrame:
    """Return one row per pair of systems and metric: difference, 95 % interval and paired p-values.

    Returns:
        ``system``, ``other``, the fields of :class:`Metric`, ``difference`` (system minus other), ``low``,
        ``high``, ``p_value`` (two-sided, for this pair alone), ``adjusted_p_value`` (for all pairs of systems
        at once, so also for a pair that was chosen by its result).
    """
    pairs = list(combinations(range(len(scores.systems)), 2))
    largest = np.zeros(scores.resampled.shape[1:])
    sizes = []
    for first, second in pairs:
        size, deviations = standardised(
            scores.resampled[first] - scores.resampled[second],
            scores.measured[first] - scores.measured[second],
        )
        sizes.append(size)
        np.fmax(largest, deviations, out=largest)  # NaN where a system of the pair has no such metric
    rows = []
    for (first, second), size in zip(pairs, sizes, strict=True):
        difference = scores.measured[first] - scores.measured[second]
        resampled = scores.resampled[first] - scores.resampled[second]
        interval, p_value = percentile_interval(resampled), paired_p_value(resampled)
        adjusted = adjusted_p_value(size, largest)
        names = scores.systems[first], scores.systems[second]
        rows += [
            (*names, *metric, difference[c], interval.low[c], interval.high[c], p_value[c], adjusted[c])
            for c, metric in enumerate(scores.metrics)
            if not np.isnan(difference[c])
        ]
    ends = ["difference", "low", "high", "p_value", "adjusted_p_value"]
    return pd.DataFrame(rows, columns=["system", "other", *KEYS, *ends])
