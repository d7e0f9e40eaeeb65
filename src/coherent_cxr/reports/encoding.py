"""From tokenised findings to what the generator reads: splits, vocabulary, word ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pydantic import NonNegativeInt, PositiveInt

from coherent_cxr.configuration import Settings, require
from coherent_cxr.inputs.split_names import SPLITS
from coherent_cxr.reports.affirmed_findings import count_affirmed
from coherent_cxr.reports.finding_tokens import finding_tokens, finding_tokens_of
from coherent_cxr.reports.ordering import SentenceOrder, findings_first
from coherent_cxr.reports.priors import MOMENT, PRIOR, prior_studies
from coherent_cxr.reports.sections import SECTION_MARK, mark_of, within_sections
from coherent_cxr.reports.splits import SplitFileError, read_split_file, split_by_patient
from coherent_cxr.reports.vocabulary import Vocabulary, count_words


class VocabularyBuildingConfig(Settings):
    """Settings of the stage ``vocabulary_building``.

    Attributes:
        split_file: CSV with study_id and split; null splits by patient.
        split_ratio: Shares of train, validation and test.
        split_seed: Seed of the split by patient.
        min_count: Fewest occurrences of a word in the training split.
        sentence_order: ``findings_first`` puts sentences that affirm a finding before the normal ones in what
            the generator learns to generate; ``as_written`` leaves them where they are. References of metrics
            and rewards are never reordered.
        finding_tokens: Whether the generator emits a control token for a sentence's finding in front of it
            (:mod:`~coherent_cxr.reports.finding_tokens`).
    """

    split_file: str | None
    split_ratio: tuple[PositiveInt, PositiveInt, PositiveInt]
    split_seed: NonNegativeInt
    min_count: PositiveInt
    sentence_order: SentenceOrder
    finding_tokens: bool

    def check(self) -> None:
        """Refuse values that cannot work."""
        file = self.split_file
        expectation = "null or an existing CSV file"
        if file is not None and Path(file).name.startswith("mimic-cxr-"):
            expectation += (
                " (set MIMIC_CXR_ROOT, and MIMIC_CXR_JPG_ROOT if the CSV files are in another folder)"
            )
        require(file is None or Path(file).is_file(), "vocabulary_building.split_file", file, expectation)


class StudySplit(NamedTuple):
    """Which studies learn and which test.

    Attributes:
        splits: study_id, patient_id, split, in the order of the findings; of a corpus that says when studies
            were made also prior_id and interval_days (:func:`~coherent_cxr.reports.priors.prior_studies`).
        exclusions: id, reason, detail: studies that a user's split file does not name.
    """

    splits: pd.DataFrame
    exclusions: pd.DataFrame


class CountedCorpus(NamedTuple):
    """What all reports of the training split have in common.

    Attributes:
        vocabulary: Their words, and all finding tokens.
        occurrences: Sentences that affirm each observation.
    """

    vocabulary: Vocabulary
    occurrences: dict[str, int]


def split_studies(
    config: VocabularyBuildingConfig, findings: pd.DataFrame, studies: pd.DataFrame
) -> StudySplit:
    """Split the studies that have findings.

    Args:
        config: The stage's settings.
        findings: study_id.
        studies: study_id, patient_id, and study_date and study_time where the corpus has them.

    Raises:
        SplitFileError: If the split file cannot be used or lets a patient cross the splits.
        ValueError: If a split has no study.
    """
    patient_of = studies.set_index("study_id")["patient_id"]
    splits = pd.DataFrame({"study_id": findings["study_id"]}).reset_index(drop=True)
    splits["patient_id"] = splits["study_id"].map(patient_of)
    if config.split_file is None:
        splits["split"] = split_by_patient(splits["patient_id"], config.split_ratio, config.split_seed)
    else:
        splits["split"] = splits["study_id"].map(read_split_file(Path(config.split_file)))
    left_out = splits["split"].isna()
    exclusions = pd.DataFrame(
        {
            "id": splits.loc[left_out, "study_id"],
            "reason": "not_in_split_file",
            "detail": f"{config.split_file} does not name this study.",
        }
    ).astype("str")
    splits = splits[~left_out].reset_index(drop=True)
    _check_patients(splits, config)
    if set(MOMENT) <= set(studies.columns):
        splits = splits.merge(prior_studies(studies), on="study_id", how="left")
    counts = {split: int((splits["split"] == split).sum()) for split in SPLITS}
    if not all(counts.values()):
        shown = ", ".join(f"{count} in {split}" for split, count in counts.items())
        raise ValueError(
            f"A split has no study: of {len(findings)} studies with findings there are {shown}. Use studies "
            "of more patients, or correct vocabulary_building.split_file or vocabulary_building.split_ratio."
        )
    return StudySplit(splits, exclusions.reset_index(drop=True))


def count_corpus(
    config: VocabularyBuildingConfig,
    splits: pd.DataFrame,
    findings: Iterable[pd.DataFrame],
    sentence_labels: Iterable[pd.DataFrame],
) -> CountedCorpus:
    """Count words and findings in the training split alone.

    Args:
        config: The stage's settings.
        splits: study_id, split.
        findings: study_id, tokens; whole or in pieces.
        sentence_labels: study_id, sentence and the observations of every single sentence; whole or in pieces.

    Raises:
        ValueError: If no word is left for the vocabulary.
    """
    training = set(splits.loc[splits["split"] == "train", "study_id"])
    words: Counter[str] = Counter()
    marked = False
    for piece in findings:
        reports = [t for s, t in zip(piece["study_id"], piece["tokens"], strict=True) if s in training]
        words.update(count_words(reports))
        marked = marked or any(mark_of(tokens) is not None for tokens in reports)
    _check_words(words, config.min_count, len(training))
    occurrences = count_affirmed(sentence_labels, training)
    silent = finding_tokens_of(occurrences) if config.finding_tokens else []
    silent += [SECTION_MARK] if marked else []
    return CountedCorpus(Vocabulary.from_counts(words, config.min_count, silent), occurrences)


def encode_reports(
    config: VocabularyBuildingConfig,
    counted: CountedCorpus,
    splits: pd.DataFrame,
    findings: pd.DataFrame,
    sentence_labels: pd.DataFrame,
) -> pd.DataFrame:
    """Write every report in word ids; a report's ids depend on no other report but through the counts.

    Args:
        config: The stage's settings.
        counted: Vocabulary and occurrences of the whole corpus.
        splits: study_id, split of the reports to encode, and perhaps prior_id and interval_days.
        findings: study_id, tokens of these studies, others are passed over.
        sentence_labels: study_id, sentence and the observations of every single sentence of these studies.

    Returns:
        study_id, split, sentences (lists of word ids, finding tokens and the section's mark included),
        n_words and n_unknown (both without these), and prior_id and interval_days where the splits have them.

    Raises:
        ValueError: If a study's sentences have no labels.
    """
    vocabulary, occurrences = counted
    tokens_of = dict(zip(findings["study_id"], findings["tokens"], strict=True))
    reports = {
        study: [vocabulary.encode(sentence) for sentence in tokens_of[study]] for study in splits["study_id"]
    }
    unmarked = list(reports.values())
    if config.finding_tokens or config.sentence_order == "findings_first":
        _check_labels(sentence_labels, reports)
    if config.finding_tokens:
        if not vocabulary.finding_token_ids:
            raise ValueError(
                "The vocabulary has no finding tokens, but vocabulary_building.finding_tokens is true; run "
                "the pipeline vocabulary_building again."
            )
        tokens_of_study = finding_tokens(sentence_labels, occurrences)
        reports = {
            study: [
                vocabulary.encode([finding_token]) + words
                for finding_token, words in zip(tokens_of_study[study], report, strict=True)
            ]
            for study, report in reports.items()
        }
    if config.sentence_order == "findings_first":
        order = findings_first(sentence_labels, occurrences)
        reports = {
            study: [report[i] for i in within_sections(order[study], tokens_of[study])]
            for study, report in reports.items()
        }
    encoded = splits[["study_id", "split"]].reset_index(drop=True)
    encoded["sentences"] = pd.Series(list(reports.values()), dtype=object)
    marks = [vocabulary.section_mark_id is not None and mark_of(tokens_of[s]) is not None for s in reports]
    lengths = [sum(map(len, report)) for report in unmarked]
    encoded["n_words"] = [length - marked for length, marked in zip(lengths, marks, strict=True)]
    encoded["n_unknown"] = [sum(s.count(Vocabulary.unk_id) for s in report) for report in unmarked]
    of_prior = splits[splits.columns.intersection(list(PRIOR))].reset_index(drop=True)
    return encoded.astype({"n_words": "int64", "n_unknown": "int64"}).join(of_prior)


def split_overview(encoded_reports: pd.DataFrame) -> pd.DataFrame:
    """Count studies, words and unknown words per split."""
    grouped = encoded_reports.groupby("split")
    table = grouped.agg(studies=("study_id", "size"), words=("n_words", "sum"), unknown=("n_unknown", "sum"))
    table["unknown_share"] = table["unknown"] / table["words"]
    return table.reindex(list(SPLITS)).reset_index()


def _check_words(words: Counter[str], min_count: int, studies: int) -> None:
    highest = max(words.values(), default=0)
    if highest == 0:
        raise ValueError(
            f"The reports of the {studies} training studies hold no words, so there is nothing to learn. "
            "Look at the findings that findings_extraction made and at its exclusions."
        )
    if highest < min_count:
        raise ValueError(
            f"vocabulary_building.min_count is {min_count}, and the most frequent word of the {studies} "
            f"training reports occurs {highest} times, so the vocabulary would be empty. Set it to {highest} "
            "or less; 3 to 10 is usual."
        )


def _check_labels(sentence_labels: pd.DataFrame, reports: Iterable[str]) -> None:
    missing = set(reports) - set(sentence_labels["study_id"])
    if missing:
        raise ValueError(
            f"The sentences of {len(missing)} studies have no labels, for example those of '{min(missing)}'. "
            "The tables findings and sentence_labels must list the same studies in the same order; run the "
            "pipeline chexpert_labelling again."
        )


def _check_patients(splits: pd.DataFrame, config: VocabularyBuildingConfig) -> None:
    crossing = splits.groupby("patient_id")["split"].nunique()
    if (crossing > 1).any():
        raise SplitFileError(
            f"The split file '{config.split_file}' lets {(crossing > 1).sum()} patients cross the splits, "
            f"the first is '{crossing.idxmax()}'. A patient's studies must stay together."
        )
