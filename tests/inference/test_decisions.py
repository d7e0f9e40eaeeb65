from __future__ import annotations

import math

import pytest
import torch

from coherent_cxr.inference.decisions import DecidedFindings, FindingEvidence
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.finding_tokens import NO_FINDING_TOKEN, finding_token_of, finding_tokens_of
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled

FINDINGS = ("Edema", "Fracture", "Atelectasis")
VOCABULARY = Vocabulary.from_counts(dict.fromkeys("abcdefgh", 5), 1, finding_tokens_of(FINDINGS))
STUDIES = 30


def generator(max_sentences: int = 6, feedback: bool = True) -> ReportGenerator:
    torch.manual_seed(5)
    config = filled(
        GeneratorConfig,
        encoder="small_cnn",
        size=16,
        attention_size=8,
        dropout=0.0,
        max_sentences=max_sentences,
        max_words=5,
        sentence_feedback=feedback,
    )
    return ReportGenerator(config, len(VOCABULARY), finding_tokens=VOCABULARY.finding_token_ids).eval()


def called(seed: int = 0) -> dict[str, torch.Tensor]:
    draws = torch.rand(len(FINDINGS), STUDIES, generator=torch.Generator().manual_seed(seed)) < 0.5
    return {**dict(zip(FINDINGS, draws, strict=True)), "No Finding": ~draws.any(dim=0)}


def regions() -> torch.Tensor:
    return torch.randn(STUDIES, 5, 16, generator=torch.Generator().manual_seed(4)) * 3


def findings_of(report: list[list[int]]) -> list[str]:
    """Names of the finding tokens that sentences begin with, in order."""
    first = [VOCABULARY.tokens[sentence[0]] for sentence in report]
    return [token.strip("<>") for token in first if token in map(finding_token_of, FINDINGS)]


@pytest.mark.parametrize("how", ["greedy", "sample", "beam"])
def test_each_decided_finding_has_one_sentence_and_no_other_finding_has_any(how: str) -> None:
    wanted = called()
    decided = DecidedFindings.of_labels(VOCABULARY, wanted)
    written = decode(generator(), regions(), how, torch.Generator().manual_seed(1), guidance=decided)
    for study, report in enumerate(word_ids(written.reports)):
        assert sorted(findings_of(report)) == sorted(name for name in FINDINGS if wanted[name][study])


def test_sentences_of_decided_findings_stand_first() -> None:
    decided = DecidedFindings.of_labels(VOCABULARY, called())
    for report in word_ids(decode(generator(), regions(), guidance=decided).reports):
        marked = len(findings_of(report))
        assert len(findings_of(report[:marked])) == marked


def test_decisions_change_with_the_study_and_not_with_the_batch() -> None:
    model, wanted = generator(), called()
    together = word_ids(
        decode(model, regions(), guidance=DecidedFindings.of_labels(VOCABULARY, wanted)).reports
    )
    for study in range(0, STUDIES, 7):
        one = DecidedFindings.of_labels(VOCABULARY, {k: v[study : study + 1] for k, v in wanted.items()})
        assert word_ids(decode(model, regions()[study : study + 1], guidance=one).reports) == [
            together[study]
        ]


def test_a_report_is_never_longer_than_the_longest_even_if_findings_are_missing_then() -> None:
    every = {name: torch.ones(STUDIES, dtype=torch.bool) for name in FINDINGS}
    decided = DecidedFindings.of_labels(VOCABULARY, every)
    written = decode(generator(max_sentences=2), regions(), guidance=decided).reports
    assert written.sentences.tolist() == [2] * STUDIES
    assert not written.stopped.any()


def test_what_is_excluded_is_what_was_not_decided_and_later_all_findings() -> None:
    one = DecidedFindings.of_labels(
        VOCABULARY, {"Edema": torch.tensor([True]), "Fracture": torch.tensor([False])}
    )
    edema, fracture, nothing = (
        VOCABULARY.id_of(t)
        for t in (finding_token_of("Edema"), finding_token_of("Fracture"), NO_FINDING_TOKEN)
    )
    logits = torch.zeros(1, 1, len(VOCABULARY))
    assert one.guide(logits)[0, 0].isfinite().nonzero().flatten().tolist() == [edema]
    after = one.after(torch.tensor([edema]))
    assert not after.unfinished.any()
    assert after.guide(logits)[0, 0, [edema, fracture, nothing]].tolist() == [-math.inf, -math.inf, 0.0]


def test_a_vocabulary_without_finding_tokens_cannot_follow_decisions() -> None:
    plain = Vocabulary.from_counts({"a": 3}, 1)
    with pytest.raises(ValueError, match="no finding token"):
        DecidedFindings.of_labels(plain, {"Edema": torch.tensor([True])})


def test_a_generator_without_sentence_feedback_cannot_follow_decisions() -> None:
    decided = DecidedFindings.of_labels(VOCABULARY, called())
    with pytest.raises(ValueError, match="without sentence feedback"):
        decode(generator(feedback=False), regions(), guidance=decided)


def evidence(probability: float, usual: float = 0.2, scale: float = 1.0) -> FindingEvidence:
    chances = {name: torch.full((STUDIES,), probability) for name in FINDINGS}
    return FindingEvidence.of_probabilities(VOCABULARY, chances, dict.fromkeys(FINDINGS, usual), scale)


def test_evidence_is_the_logarithm_of_the_odds_against_the_usual_odds() -> None:
    chances = {"Edema": torch.tensor([0.5, 0.2]), "Fracture": torch.tensor([0.1, 1.0])}
    found = FindingEvidence.of_probabilities(VOCABULARY, chances, {"Edema": 0.2, "Fracture": 0.0}, 2.0)
    logits = found.guide(torch.zeros(2, 1, len(VOCABULARY)))[:, 0]
    edema = VOCABULARY.id_of(finding_token_of("Edema"))
    # odds of 1 against odds of 1/4; usual odds say nothing; a finding that never occurred in training neither
    assert logits[:, edema].tolist() == pytest.approx([2 * math.log(4), 0.0], abs=1e-6)
    logits[:, edema] = 0.0
    assert (logits == 0).all()


def test_evidence_has_had_its_say_once_its_finding_is_written() -> None:
    edema, fracture = (VOCABULARY.id_of(finding_token_of(name)) for name in ("Edema", "Fracture"))
    after = evidence(0.9).of(torch.tensor([0, 1])).after(torch.tensor([edema, 3]))
    assert after.weight[:, edema].tolist() == [0.0, pytest.approx(math.log(9) - math.log(0.25), rel=1e-4)]
    assert (after.weight[:, fracture] > 0).all()
    assert not after.unfinished.any()


def test_the_more_evidence_the_more_findings_are_written() -> None:
    def written(probability: float, scale: float = 1.0) -> int:
        reports = decode(generator(), regions(), guidance=evidence(probability, scale=scale)).reports
        return sum(len(set(findings_of(report))) for report in word_ids(reports))

    plain = sum(len(set(findings_of(report))) for report in word_ids(decode(generator(), regions()).reports))
    assert written(0.001) < plain < written(0.99)
    assert written(0.2) == written(0.99, scale=0.0) == plain


def test_evidence_without_finding_tokens_is_refused() -> None:
    words_only = Vocabulary.from_counts({"a": 5}, 1)
    with pytest.raises(ValueError, match="no finding token"):
        FindingEvidence.of_probabilities(words_only, {"Edema": torch.tensor([0.5])}, {"Edema": 0.1})
