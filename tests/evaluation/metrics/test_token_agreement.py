"""The share of sentences that agree with their finding token, counted by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler
from coherent_cxr.evaluation.metrics.token_agreement import token_agreement
from coherent_cxr.evaluation.report.page.tokens import finding_tokens
from coherent_cxr.reports.finding_tokens import NO_FINDING_TOKEN, finding_tokens_of
from coherent_cxr.reports.sections import SECTION_MARK
from coherent_cxr.reports.vocabulary import Vocabulary

EFFUSION, EDEMA = "<Pleural Effusion>", "<Edema>"
VOCABULARY = Vocabulary.from_counts(
    dict.fromkeys(["there", "is", "no", "a", "small", "large", "pleural", "effusion", "edema", "opacity"], 3),
    1,
    finding_tokens_of(name for name in OBSERVATIONS if name != "No Finding"),
)


@pytest.fixture(scope="module")
def labeler() -> CheXpertLabeler:
    return CheXpertLabeler("corrected")


def words(*sentences: str) -> list[list[str]]:
    return [sentence.split() for sentence in sentences]


def encoded(*reports: list[str], split: str = "train") -> pd.DataFrame:
    sentences = [
        [VOCABULARY.encode(text.split("|")[0:1] + text.split("|")[1].split()) for text in r] for r in reports
    ]
    return pd.DataFrame({"split": split, "sentences": sentences})


GENERATED = pd.DataFrame(
    {
        "system": ["constant", "mle", "mle", "nlg", "nlg"],
        "unprocessed": [
            words("there is edema"),
            words("there is a large pleural effusion", "there is no edema", "there is no edema"),
            words("there is a small opacity"),
            words("there is edema"),
            words("there is no effusion"),
        ],
        "finding_tokens": [
            [],
            [EFFUSION, NO_FINDING_TOKEN, ""],
            [EDEMA],
            [EDEMA],
            [EFFUSION],
        ],
    }
)


def test_shares_by_system_and_finding_are_those_counted_by_hand(labeler: CheXpertLabeler) -> None:
    references = pd.concat(
        [
            encoded(
                [f"{EFFUSION}|small effusion", f"{EDEMA}|cephalized edema"], [f"{EFFUSION}|blunted angle"]
            ),
            encoded([f"{EDEMA}|no edema"], split="test"),
        ]
    )
    table = token_agreement(labeler, GENERATED, references, VOCABULARY)
    assert list(table.columns) == ["system", "observation", "sentences", "agreeing", "share"]
    assert [tuple(row) for row in table.itertuples(index=False)] == [
        ("training references", "all findings", 3, 2, 2 / 3),  # no word of "blunted angle" is known
        ("training references", "Edema", 1, 1, 1.0),
        ("training references", "Pleural Effusion", 2, 1, 0.5),
        ("mle", "all findings", 2, 1, 0.5),
        ("mle", "Edema", 1, 0, 0.0),
        ("mle", "Pleural Effusion", 1, 1, 1.0),
        ("mle", "nothing affirmed", 1, 1, 1.0),
        ("nlg", "all findings", 2, 1, 0.5),
        ("nlg", "Edema", 1, 1, 1.0),
        ("nlg", "Pleural Effusion", 1, 0, 0.0),
    ]
    shown = finding_tokens(table)
    assert shown is not None
    assert shown["systems"] == ["training references", "mle", "nlg"]
    assert shown["rows"]["nothing affirmed"] == [None, (1.0, 1), None]
    assert shown["rows"]["all findings"] == [(2 / 3, 3), (0.5, 2), (0.5, 2)]


def test_the_mark_of_a_section_is_no_sentence(labeler: CheXpertLabeler) -> None:
    vocabulary = Vocabulary([*VOCABULARY.tokens, SECTION_MARK], VOCABULARY.counts, 1)
    mark = vocabulary.encode([NO_FINDING_TOKEN, SECTION_MARK])
    references = encoded([f"{EDEMA}|edema"])
    references.at[0, "sentences"] = [*references.at[0, "sentences"], mark]
    generated = pd.DataFrame(
        {"system": "mle", "unprocessed": [[["edema"], []]], "finding_tokens": [[EDEMA, NO_FINDING_TOKEN]]}
    )
    table = token_agreement(labeler, generated, references, vocabulary)
    assert set(table["observation"]) == {"all findings", "Edema"}


def test_an_uncertain_sentence_does_not_affirm(labeler: CheXpertLabeler) -> None:
    unsure = pd.DataFrame(
        {
            "system": "mle",
            "unprocessed": [words("possible small pleural effusion")],
            "finding_tokens": [[EFFUSION]],
        }
    )
    table = token_agreement(labeler, unsure, encoded([f"{EFFUSION}|effusion"]), VOCABULARY)
    assert table.set_index("system").loc["mle", "share"].tolist() == [0.0, 0.0]


def test_without_finding_tokens_the_table_is_empty_and_the_page_has_no_section(
    labeler: CheXpertLabeler,
) -> None:
    plain = Vocabulary.from_counts({"edema": 3}, 1)
    references = pd.DataFrame({"split": ["train"], "sentences": [[[4]]]})
    table = token_agreement(labeler, GENERATED[:1], references, plain)
    assert table.empty
    assert list(table.columns) == ["system", "observation", "sentences", "agreeing", "share"]
    assert finding_tokens(table) is None
    assert finding_tokens(None) is None
