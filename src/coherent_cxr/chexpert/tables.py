"""Tables of labels and of the mentions behind them, one study per row of the findings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import NonNegativeInt

from coherent_cxr.chexpert.chexbert_folder import CHEXBERT, chexbert_folder
from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler, Mention
from coherent_cxr.chexpert.observations import FOURTEEN
from coherent_cxr.chexpert.opening import ENGLISH, is_function, labeler_of
from coherent_cxr.chexpert.rules.checks import RuleFileError
from coherent_cxr.chexpert.rules.language_file import english
from coherent_cxr.chexpert.rules.rule_files import SHIPPED
from coherent_cxr.configuration import ConfigurationError, Settings, require

MENTION_TYPES = {
    "sentence": "int64",
    "start": "int64",
    "end": "int64",
    "text": "str",
    "observation": "str",
    "status": "Int8",
    "rule": "str",
}


class ChexpertLabellingConfig(Settings):
    """The rule sets in use: one setting for everything that labels.

    Attributes:
        rules: What teaches, rewards, selects and judges first: "corrected", "original", "spanish",
            "chexbert", the path of a rule file or of a learnt labeller, or a function of the user's own as
            ``module:function``.
        beside: The second judge in every clinical table; None: the shipped rule set that did not teach. There
            always is one for CheXpert's labels of English texts, as a model that was tuned on one labeller's
            words has to convince another.
        cache_size: Most sentences to remember.
    """

    rules: str
    beside: str | None
    cache_size: NonNegativeInt

    def check(self) -> None:
        """Refuse settings that cannot work."""
        right = "corrected, original, spanish, chexbert, the path of a file that is there, or module:function"
        for key, rules in (("rules", self.rules), ("beside", self.beside)):
            known = rules is None or rules in SHIPPED or (rules != "" and Path(rules).is_file())
            known = known or is_function(str(rules))
            require(known, f"chexpert_labelling.{key}", rules, right)
            if rules == CHEXBERT:
                try:
                    chexbert_folder()
                except FileNotFoundError as error:
                    raise ConfigurationError(str(error)) from error
        named_apart = (
            self.beside in (None, self.rules) or Path(str(self.beside)).name != Path(self.rules).name
        )
        right = "a rule set whose name differs from that of chexpert_labelling.rules"
        require(named_apart, "chexpert_labelling.beside", self.beside, right)

    def labeler(self) -> CheXpertLabeler:
        """Return the labeller of ``rules``."""
        return labeler_of(self.rules, self.cache_size)

    def judges(self) -> list[CheXpertLabeler]:
        """Return the labellers that judge reports: that of ``rules``, then one that taught nothing.

        For other labels or another language no second one is shipped: without ``beside`` the first is alone.
        """
        if self.beside not in (None, self.rules):
            return judges([self.rules, str(self.beside)], self.cache_size)
        (first,) = judges([self.rules], self.cache_size)
        # folding accents or not is a matter of rule sets, not of the language
        language = dataclasses.replace(first.language, fold_accents=english().fold_accents)
        if first.observations != FOURTEEN or language != english():
            return [first]
        second = next(name for name in ENGLISH if name != self.rules)
        return [first, *judges([second], self.cache_size)]


def judges(rules: Sequence[str], cache_size: int = 65_536) -> list[CheXpertLabeler]:
    """Return the labellers of rule sets; one named twice judges once.

    Args:
        rules: Names or rule files, that of the headline first.
        cache_size: Most sentences that each remembers.

    Raises:
        RuleFileError: If a rule file cannot be used, or two have one name.
    """
    labelers = [labeler_of(one, cache_size) for one in dict.fromkeys(rules)]
    names = [labeler.name for labeler in labelers]
    if len(set(names)) < len(names):
        raise RuleFileError(
            f"Two rule sets that judge side by side have one name ({', '.join(names)}); rename a file."
        )
    if len({labeler.observations for labeler in labelers}) > 1:
        one, other = (", ".join(labeler.observations)[:100] for labeler in labelers[:2])
        raise RuleFileError(
            f"Two rule sets judge side by side, but '{names[0]}' labels {one} and '{names[1]}' {other}. Set "
            "chexpert_labelling.beside to null, or to a rule set with the same labels."
        )
    return labelers


def label_tables(
    config: ChexpertLabellingConfig, findings: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Label a table of findings; return the labels of reports, those of single sentences, and the mentions.

    Args:
        config: Which rules.
        findings: Columns study_id, text and sentences.
    """
    labeler = config.labeler()
    return label_table(labeler, findings), sentence_table(labeler, findings), mention_table(labeler, findings)


def label_table(labeler: CheXpertLabeler, findings: pd.DataFrame) -> pd.DataFrame:
    """Label a table of findings.

    Args:
        labeler: The labeller.
        findings: Columns study_id and text.

    Returns:
        study_id and the 14 observations (Int8: 1, 0, -1, <NA>), one row per row of ``findings``, in order.
    """
    labels = labeler.label_many(findings["text"].reset_index(drop=True))
    labels.insert(0, "study_id", findings["study_id"].to_numpy())
    return labels


def sentence_table(labeler: CheXpertLabeler, findings: pd.DataFrame) -> pd.DataFrame:
    """Label every sentence of a table of findings as if it were a report of its own.

    Args:
        labeler: The labeller.
        findings: Columns study_id and sentences (lists of text).

    Returns:
        study_id, sentence (index in the report) and the observations, as in :func:`label_table`.
    """
    one_by_one = findings[["study_id", "sentences"]].explode("sentences").dropna(subset="sentences")
    labels = labeler.label_many(one_by_one["sentences"].tolist())
    labels.insert(0, "study_id", one_by_one["study_id"].to_numpy())
    labels.insert(1, "sentence", one_by_one.groupby("study_id", sort=False).cumcount().to_numpy())
    return labels


def mention_table(labeler: CheXpertLabeler, findings: pd.DataFrame) -> pd.DataFrame:
    """List the mentions of a table of findings.

    Args:
        labeler: The labeller.
        findings: Columns study_id and text.

    Returns:
        study_id and the fields of :class:`Mention`; start and end are a span of the study's text.
    """
    names = [field.name for field in dataclasses.fields(Mention)]
    rows = [
        (study_id, *(getattr(mention, name) for name in names))
        for study_id, text in zip(findings["study_id"], findings["text"], strict=True)
        for mention in labeler.explain(text)
    ]
    table = pd.DataFrame(rows, columns=["study_id", *names])
    return table.astype({"study_id": "str", **MENTION_TYPES})
