"""Consensus decoding: the sampling among samples against brute force, and the rows it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.inference.consensus import ConsensusConfig, ConsensusDecoder, most_agreed
from coherent_cxr.inference.decisions import DecidedFindings
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.generated_rows import RowGenerator, check_systems, uses_true_labels
from coherent_cxr.inference.generation import GenerationConfig, Likely, generate_reports
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.finding_tokens import finding_tokens_of
from coherent_cxr.reports.repeats import without_repeats
from coherent_cxr.reports.text import detokenize, metric_text
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.rewards import CiderD, bleu
from helpers.settings import filled
from helpers.training_corpus import ENCODER, LABELER, Corpus

FINDINGS = ("Edema", "Cardiomegaly")
VOCABULARY = Vocabulary.from_counts(
    dict.fromkeys(("edema", "cardiomegaly", "no", "clear", "lungs"), 5), 1, finding_tokens_of(FINDINGS)
)
CIDER = CiderD.from_corpus(["no edema .", "cardiomegaly . lungs clear .", "lungs clear . no edema ."])
STUDIES = ["s09", "s10", "s21", "s22", "s23"]


def brute_force(texts: Sequence[str], disagreements: Sequence[int], similarity) -> int:
    """The same by the definition, one pair at a time."""
    best, chosen = -1.0, -1
    for i, text in enumerate(texts):
        if disagreements[i] > min(disagreements):
            continue
        others = [other for j, other in enumerate(texts) if j != i]
        scores = [float(similarity([text], [other])[0]) for other in others]
        mean = sum(scores) / len(scores) if scores else 0.0
        if mean > best + 1e-12:
            best, chosen = mean, i
    return chosen


REPORT = st.lists(st.sampled_from(["a", "b", "c", "."]), min_size=1, max_size=6).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), samples=st.integers(1, 5), utility=st.sampled_from(["cider", "bleu"]))
def test_the_choice_is_that_of_brute_force(data: st.DataObject, samples: int, utility: str) -> None:
    studies = data.draw(st.integers(1, 3))
    texts = [[data.draw(REPORT) for _ in range(samples)] for _ in range(studies)]
    far = np.array([[data.draw(st.integers(0, 2)) for _ in range(samples)] for _ in range(studies)])
    similarity = CIDER.score if utility == "cider" else bleu
    chosen = most_agreed(texts, far, similarity)
    for study, place in enumerate(chosen.tolist()):
        expected = brute_force(texts[study], far[study].tolist(), similarity)
        # two different texts may be equally good to the last digit but one
        means = [
            np.mean(
                [float(similarity([texts[study][p]], [o])[0]) for j, o in enumerate(texts[study]) if j != p]
                or [0]
            )
            for p in (place, expected)
        ]
        assert far[study, place] == far[study].min()
        assert means[0] == pytest.approx(means[1], abs=1e-9)


def shared_words(candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    pairs = zip(candidates, references, strict=True)
    return np.array([float(len(set(c.split()) & set(r.split()))) for c, r in pairs])


@pytest.mark.parametrize(
    ("texts", "far", "chosen"),
    [
        (["a b c", "a b", "d"], [0, 0, 0], 0),  # 2 and 2 words in common, 0: the first of equals
        (["d", "a b", "a b c"], [0, 0, 0], 1),
        (["a b c", "a b d", "c d e"], [0, 0, 0], 0),  # (2 + 1) / 2, (2 + 1) / 2, (1 + 1) / 2
        (["a b c", "a b", "d"], [1, 1, 0], 2),  # only the last is as decided
        (["d", "a", "a b", "a b"], [1, 1, 2, 2], 1),  # none agrees: those with one finding wrong
        (["d"], [3], 0),
    ],
)
def test_the_choice_by_hand(texts: list[str], far: list[int], chosen: int) -> None:
    assert most_agreed([texts], np.array([far]), shared_words).tolist() == [chosen]


def generator() -> ReportGenerator:
    torch.manual_seed(5)
    config = filled(
        GeneratorConfig,
        encoder=ENCODER,
        size=16,
        attention_size=8,
        dropout=0.0,
        max_sentences=3,
        max_words=4,
        sentence_feedback=True,
    )
    return ReportGenerator(config, len(VOCABULARY), finding_tokens=VOCABULARY.finding_token_ids).eval()


def regions(studies: int = 8) -> torch.Tensor:
    return torch.randn(studies, 5, 16, generator=torch.Generator().manual_seed(4)) * 3


def writer(seed: int = 0, **changes) -> ConsensusDecoder:
    config = filled(ConsensusConfig, temperature=1.0, **changes)
    return ConsensusDecoder(
        config, VOCABULARY, LABELER, config.similarity(CIDER), torch.Generator().manual_seed(seed)
    )


def decisions(studies: int = 8) -> DecidedFindings:
    draws = torch.rand(len(FINDINGS), studies, generator=torch.Generator().manual_seed(0)) < 0.5
    return DecidedFindings.of_labels(VOCABULARY, dict(zip(FINDINGS, draws, strict=True)))


@pytest.mark.parametrize("utility", ["cider", "bleu"])
@pytest.mark.parametrize("decided", [None, decisions()], ids=["free", "decided"])
def test_reports_of_a_tiny_generator_are_those_that_brute_force_chooses(utility: str, decided) -> None:
    model, samples = generator(), 6
    chosen = writer(utility=utility).reports(model, regions(), decided, [samples])[0]
    of_study = torch.arange(8).repeat_interleave(samples)
    dice = torch.Generator().manual_seed(0)
    again = None if decided is None else decided.of(of_study)
    flat = word_ids(decode(model, regions()[of_study], "sample", dice, guidance=again).reports)
    similarity = CIDER.score if utility == "cider" else bleu
    nearest = []
    for study in range(8):
        own = flat[study * samples : (study + 1) * samples]
        words = [without_repeats([VOCABULARY.decode(s) for s in report]) for report in own]
        far = [0] * samples
        if decided is not None:
            wanted = {f for f in FINDINGS if decided.missing[study, VOCABULARY.id_of(f"<{f}>")]}
            found = [LABELER.label(detokenize(report)) for report in words]
            far = [len(wanted ^ {f for f in FINDINGS if labels[f] == 1}) for labels in found]
        nearest.append(min(far))
        place = brute_force([metric_text(report) for report in words], far, similarity)
        assert metric_text([VOCABULARY.decode(s) for s in chosen[study]]) == metric_text(
            [VOCABULARY.decode(s) for s in own[place]]
        )
    assert decided is None or len(set(nearest)) > 1, (
        "every study has a sample that agrees: nothing to fall back on"
    )


def test_fewer_samples_are_the_first_ones_and_one_sample_is_sampling() -> None:
    model = generator()
    one, three, five = writer().reports(model, regions(), None, [1, 3, 5])
    assert five == writer().reports(model, regions(), None, [5])[0]
    of_study = torch.arange(8).repeat_interleave(5)
    flat = word_ids(decode(model, regions()[of_study], "sample", torch.Generator().manual_seed(0)).reports)
    assert one == flat[::5]
    assert all(report in flat[5 * study : 5 * study + 3] for study, report in enumerate(three))


def test_the_same_seed_chooses_the_same_reports() -> None:
    one, same, other = (writer(seed).reports(generator(), regions(), None, [4]) for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"samples": 0}, "consensus.samples"),
        ({"temperature": 0.0}, "consensus.temperature"),
        ({"quality_at": [4, 0]}, "consensus.quality_at"),
        ({"utility": "rouge"}, "utility"),
        ({"seed": -1}, "consensus.seed"),
    ],
)
def test_impossible_settings_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        filled(GenerationConfig, consensus=setting)


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    model = generator()
    return ModelBundle(model.config, VOCABULARY, 64, model.state_dict(), {"system": "mle"})


@pytest.fixture(scope="module")
def rows(corpus: Corpus) -> RowGenerator:
    consensus = filled(
        ConsensusConfig, systems=("mle", "mle decided"), samples=3, temperature=1.0, quality_at=(2, 1)
    )
    config = filled(
        GenerationConfig,
        batch_size=2,
        precision="fp32",
        decided=("mle",),
        evidence=("mle",),
        oracle=("mle",),
        consensus=consensus,
    )
    calls = pd.DataFrame({"study_id": STUDIES, **{name: [1, 0, 1, 0, 0] for name in OBSERVATIONS}})
    likely = Likely(calls.astype(dict.fromkeys(OBSERVATIONS, float)), dict.fromkeys(OBSERVATIONS, 0.5))
    return RowGenerator(config, corpus.store, LABELER, CIDER, calls, likely, corpus.labels)


def test_rows_stand_beside_what_they_are_chosen_from(rows: RowGenerator, bundle: ModelBundle) -> None:
    tables = dict(rows.rows("mle", bundle, STUDIES))
    assert list(tables) == [
        *("mle", "mle consensus", "mle decided", "mle decided consensus"),
        *("mle with evidence", "mle oracle"),
    ]
    again = dict(rows.rows("mle", bundle, STUDIES))
    for name, table in tables.items():
        assert table["study_id"].tolist() == STUDIES
        pd.testing.assert_frame_equal(table, again[name])
    for name in ("mle decided", "mle decided consensus"):
        tokens = [
            {t for t in report if t in ("<Edema>", "<Cardiomegaly>")}
            for report in tables[name]["finding_tokens"]
        ]
        assert tokens == [{"<Edema>", "<Cardiomegaly>"} if called else set() for called in (1, 0, 1, 0, 0)]
    assert list(dict(rows.rows("full", bundle, STUDIES))) == ["full"]


def test_quality_is_measured_at_the_numbers_asked_for(rows: RowGenerator, bundle: ModelBundle) -> None:
    table = rows.by_samples("mle", bundle, STUDIES)
    kinds = table.groupby(["system", "samples"], sort=False).size()
    assert kinds.index.tolist() == [(s, n) for s in ("mle", "mle decided") for n in (0, 1, 2)]
    assert set(kinds) == {len(STUDIES)}
    assert rows.by_samples("full", bundle, STUDIES).empty
    none = replace(rows, config=rows.config.replace(consensus=rows.config.consensus.replace(quality_at=())))
    assert none.by_samples("mle", bundle, STUDIES).columns.tolist() == table.columns.tolist()


def test_consensus_without_anything_to_compare_by_is_refused(rows: RowGenerator, bundle: ModelBundle) -> None:
    with pytest.raises(ValueError, match="needs a labeller"):
        generate_reports(bundle, rows.store, STUDIES, rows.config, None, None, "consensus")


def test_a_row_that_is_not_there_is_refused_with_those_there_are() -> None:
    config = filled(
        GenerationConfig, decided=("mle",), consensus=filled(ConsensusConfig, systems=("mle oracle",))
    )
    with pytest.raises(ConfigurationError, match=r"'mle oracle'; it must be one of mle, full, mle decided"):
        check_systems(config, ["mle", "full"])
    check_systems(config.replace(oracle=("mle",)), ["mle", "full"])


def test_rows_that_were_told_the_truth_are_known_by_their_names() -> None:
    told = [
        uses_true_labels(n) for n in ("mle", "mle oracle", "mle oracle consensus", "mle decided consensus")
    ]
    assert told == [False, True, True, False]
