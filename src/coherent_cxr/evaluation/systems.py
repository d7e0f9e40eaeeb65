"""Input of the evaluation: of each system, per test study a text, labels, or both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.chexpert.codes import label_codes
from coherent_cxr.evaluation.metrics.protocols import Reports
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.reports.repeats import without_repeats
from coherent_cxr.reports.text import detokenize, metric_text


class UnequalStudiesError(ValueError):
    """A system that did not answer for exactly the studies of the references."""


@dataclass(frozen=True)
class References:
    """The truth about the test studies.

    Attributes:
        study_ids: The studies, in the order of everything below.
        patients: Patient of each study.
        texts: Reference reports, tokens joined by spaces.
        codes: Reference label codes ``(studies, 14)`` by rule set, that of the headline first.
        training: Reports of the training split, to find copies; may be empty.
        readable: Reference reports as written; empty where only the tokens are known.
        readable_training: Reports of the training split as written, likewise.
    """

    study_ids: list[str]
    patients: list[str]
    texts: list[str]
    codes: Mapping[str, NDArray[np.int8]]
    training: list[str] = field(default_factory=list)
    readable: list[str] = field(default_factory=list)
    readable_training: list[str] = field(default_factory=list)

    @property
    def reports(self) -> Reports:
        """The reference reports, for any protocol."""
        return Reports(self.texts, self.readable or self.texts)


@dataclass(frozen=True)
class SystemOutput:
    """Reports and labels of one system for the test studies, in the references' order.

    Attributes:
        name: The system.
        texts: Generated reports, tokens joined by spaces; None for a system that gives labels alone.
        codes: Label codes of the generated reports ``(studies, 14)`` by rule set.
        unprocessed: The same reports before repeated sentences were removed; None if none were.
        repeats: Sentences of each report that stood earlier in it, and all its sentences, before repeated
            ones were removed ``(studies, 2)``.
        readable: The generated reports as a reader gets them; None where only the tokens are known.
    """

    name: str
    texts: list[str] | None
    codes: Mapping[str, NDArray[np.int8]]
    unprocessed: list[str] | None = None
    repeats: NDArray[np.int64] | None = None
    readable: list[str] | None = None

    @property
    def reports(self) -> Reports | None:
        """The generated reports, for any protocol."""
        return None if self.texts is None else Reports(self.texts, self.readable or self.texts)

    @property
    def decoded(self) -> Reports | None:
        """The reports before repeated sentences were removed; None if none were."""
        if self.unprocessed is None or self.unprocessed == self.texts:
            return None
        sentences = [[s.split() for s in text.split(" .")] for text in self.unprocessed]
        return Reports(self.unprocessed, [detokenize(own) for own in sentences])


def test_studies(findings: pd.DataFrame, splits: pd.DataFrame, with_image: Iterable[str]) -> list[str]:
    """Return the studies every system is judged on: of the test split, with findings and a stored image.

    Args:
        findings: ``study_id``.
        splits: ``study_id``, ``split``.
        with_image: Studies that have an image.

    Returns:
        Study ids in the order of ``findings``.
    """
    return studies_of_split(findings, splits, with_image, "test")


def studies_of_split(
    findings: pd.DataFrame, splits: pd.DataFrame, with_image: Iterable[str], split: str
) -> list[str]:
    """Return the studies of any split that have findings and a stored image, in the order of ``findings``."""
    chosen = set(splits.loc[splits["split"] == split, "study_id"]) & set(with_image)
    return [study for study in findings["study_id"] if study in chosen]


def first_images(store: ImageStore, study_ids: Sequence[str]) -> list[NDArray[np.uint8]]:
    """Return the first stored image of each study, frontal if there is one ``(size, size)``."""
    return [np.asarray(store.pixels[store.rows_of_study(study)[0]]) for study in study_ids]


def first_views(store: ImageStore, study_ids: Sequence[str]) -> list[str]:
    """Return the view of the first stored image of each study: ``frontal``, ``lateral``."""
    views = store.index["view"].astype(str).tolist()
    return [views[store.rows_of_study(study)[0]] for study in study_ids]


def judge_labels(
    judges: Sequence[CheXpertLabeler], texts: pd.Series, keys: Mapping[str, pd.Series]
) -> pd.DataFrame:
    """Label texts by every judge; both sides of a comparison go through here.

    Args:
        judges: The labellers, that of the headline first.
        texts: Reports or references.
        keys: Further columns, one value per text.

    Returns:
        ``rules`` (name of the rule set), the keys and the 14 observations (Int8); judge by judge, row by row.
    """
    tables = []
    for judge in judges:
        labels = judge.label_many(texts.reset_index(drop=True))[list(OBSERVATIONS)]
        for place, (name, column) in enumerate(keys.items()):
            labels.insert(place, name, column.to_numpy())
        labels.insert(0, "rules", judge.name)
        tables.append(labels)
    return pd.concat(tables, ignore_index=True)


def label_reports(judges: Sequence[CheXpertLabeler], generated: pd.DataFrame) -> pd.DataFrame:
    """Label generated reports.

    Args:
        judges: The labellers that also label the references.
        generated: ``system``, ``study_id``, ``report``.

    Returns:
        ``rules``, ``system``, ``study_id`` and the 14 observations (Int8), row by row for each judge.
    """
    keys = {name: generated[name] for name in ("system", "study_id")}
    return judge_labels(judges, generated["report"], keys)


def same_for_all(judges: Sequence[CheXpertLabeler], labels: pd.DataFrame) -> pd.DataFrame:
    """Repeat the labels of label baselines for every judge: ``rules`` and what is given."""
    tables = [labels.assign(rules=judge.name) for judge in judges]
    return pd.concat(tables, ignore_index=True)[["rules", *labels.columns]]


def codes_of(labels: pd.DataFrame, study_ids: Sequence[str]) -> dict[str, NDArray[np.int8]]:
    """Return label codes ``(studies, 14)`` by rule set, from ``rules``, ``study_id`` and the observations."""
    return {
        str(rules): label_codes(own.set_index("study_id").loc[list(study_ids)], OBSERVATIONS)
        for rules, own in labels.groupby("rules", sort=False)
    }


def references_of(
    study_ids: Sequence[str], findings: pd.DataFrame, labels: pd.DataFrame, splits: pd.DataFrame
) -> References:
    """Look up the references of studies.

    Args:
        study_ids: The studies.
        findings: ``study_id``, ``text``, ``tokens``.
        labels: ``rules``, ``study_id`` and the 14 observations, by the judges that also label the reports.
        splits: ``study_id``, ``patient_id``, ``split``.
    """
    tokens = dict(zip(findings["study_id"], findings["tokens"], strict=True))
    patients = dict(zip(splits["study_id"], splits["patient_id"], strict=True))
    system_reports = dict(zip(findings["study_id"], findings["text"], strict=True))
    training = [s for s in splits.loc[splits["split"] == "train", "study_id"] if s in tokens]
    return References(
        list(study_ids),
        [str(patients[s]) for s in study_ids],
        [metric_text(tokens[s]) for s in study_ids],
        codes_of(labels, study_ids),
        [metric_text(tokens[s]) for s in training],
        [str(system_reports[s]) for s in study_ids],
        [str(system_reports[s]) for s in training],
    )


def outputs_of(
    generated: pd.DataFrame, generated_labels: pd.DataFrame, references: References
) -> list[SystemOutput]:
    """Bring every system's answers into the references' order.

    Args:
        generated: ``system``, ``study_id``, ``tokens``; where there are any, ``report`` and
            ``unprocessed`` tokens.
        generated_labels: ``rules``, ``system``, ``study_id`` and the 14 observations; systems without
            reports may be among them.
        references: The studies.

    Returns:
        One output per system, in the order in which the labels name them.

    Raises:
        UnequalStudiesError: If a system lacks a study, has one too many, or one twice.
    """
    reports = dict(list(generated.groupby("system", sort=False)))
    outputs = []
    for system, labels in generated_labels.groupby("system", sort=False):
        name = str(system)
        for _, own in labels.groupby("rules", sort=False):
            _in_order(name, own, references.study_ids)
        texts = unprocessed = repeats = readable = None
        if name in reports:
            system_reports = _in_order(name, reports[name], references.study_ids)
            texts = [metric_text(tokens) for tokens in system_reports["tokens"]]
            as_decoded, unprocessed = system_reports["tokens"], texts
            if "unprocessed" in system_reports:
                as_decoded = system_reports["unprocessed"]
                unprocessed = [metric_text(tokens) for tokens in as_decoded]
            repeats = np.array([_repeats(tokens) for tokens in as_decoded])
            readable = (
                [str(report) for report in system_reports["report"]] if "report" in system_reports else None
            )
        codes = codes_of(labels, references.study_ids)
        outputs.append(SystemOutput(name, texts, codes, unprocessed, repeats, readable))
    return outputs


def without_repeated_sentences(generated: pd.DataFrame, remove: bool = True) -> pd.DataFrame:
    """Drop repeated sentences from every system's reports (the paper's post-processing).

    Args:
        generated: A row for each report, with ``tokens``.
        remove: False keeps them, for a table of the same columns.

    Returns:
        The table with shorter ``tokens`` and ``report``; ``unprocessed`` keeps the tokens as they were.
    """
    plain = [[list(sentence) for sentence in tokens] for tokens in generated["tokens"]]
    tokens = [without_repeats(report) for report in plain] if remove else plain
    reports = [detokenize(report) for report in tokens]
    columns = {"tokens": tokens, "report": reports, "unprocessed": plain}
    return generated.assign(**{name: pd.Series(c, index=generated.index) for name, c in columns.items()})


def _repeats(tokens: Sequence[Sequence[str]]) -> tuple[int, int]:
    sentences = [tuple(sentence) for sentence in tokens if len(sentence)]
    return len(sentences) - len(set(sentences)), len(sentences)


def _in_order(system: str, table: pd.DataFrame, study_ids: Sequence[str]) -> pd.DataFrame:
    check_studies(system, table["study_id"].tolist(), study_ids)
    return table.set_index("study_id").loc[list(study_ids)]


def check_studies(system: str, given: Sequence[str], study_ids: Sequence[str]) -> None:
    """Refuse a system that did not answer for exactly these studies.

    Raises:
        UnequalStudiesError: If it lacks a study, has one too many, or one twice.
    """
    expected = set(study_ids)
    if len(given) != len(set(given)):
        twice = next(study for study, times in Counter(given).items() if times > 1)
        raise UnequalStudiesError(f"The system '{system}' has more than one report for study {quote(twice)}.")
    if missing := sorted(expected - set(given)):
        raise UnequalStudiesError(
            f"The system '{system}' has no report for {len(missing)} of {len(expected)} studies, the first "
            f"is {quote(missing[0])}. Every system must answer for every study."
        )
    if extra := sorted(set(given) - expected):
        raise UnequalStudiesError(
            f"The system '{system}' has reports for {len(extra)} studies without a reference, the first is "
            f"{quote(extra[0])}."
        )
