"""Sentences that disagree with their finding token are chosen again."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.inference.decisions import DecidedFindings
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.inference.sentence_check import SentenceCheck, affirmed
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.reports.finding_tokens import NO_FINDING_TOKEN, finding_tokens_of
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled

FINDINGS = ("Edema", "Cardiomegaly", "Pleural Effusion")
WORDS = ("cardiomegaly", "edema", "effusion", "no", "clear")
VOCABULARY = Vocabulary.from_counts(dict.fromkeys(WORDS, 5), 1, finding_tokens_of(FINDINGS))
EVERY_SENTENCE = 5 + 25  # of one and of two words
STUDIES = 24


@pytest.fixture(scope="module")
def labeler() -> CheXpertLabeler:
    return CheXpertLabeler("corrected")


def generator(feedback: bool = True, max_sentences: int = 3) -> ReportGenerator:
    torch.manual_seed(5)
    config = filled(
        GeneratorConfig,
        size=16,
        attention_size=8,
        dropout=0.0,
        max_sentences=max_sentences,
        max_words=3,
        sentence_feedback=feedback,
    )
    model = ReportGenerator(config, len(VOCABULARY), finding_tokens=VOCABULARY.finding_token_ids).eval()
    with torch.no_grad():  # every sentence begins with a finding token
        model.word_decoder.word.bias[sorted(VOCABULARY.finding_token_ids)] += 20
    return model


def regions(studies: int = STUDIES) -> torch.Tensor:
    return torch.randn(studies, 5, 16, generator=torch.Generator().manual_seed(4)) * 3


def says(labeler: CheXpertLabeler, sentence: list[int]) -> bool:
    token = VOCABULARY.finding_token_of(sentence)
    return affirmed(labeler, [token], [VOCABULARY.decode(sentence)])[0]


@pytest.mark.parametrize(
    ("token", "sentence", "right"),
    [
        ("<Cardiomegaly>", "the heart is enlarged", True),
        ("<Cardiomegaly>", "the heart is normal in size", False),
        ("<Atelectasis>", "there is streaky opacity in the left base", False),
        ("<Lung Opacity>", "there is streaky opacity in the left base", True),
        ("<Edema>", "possible mild edema", False),
        ("<Edema>", "", False),
        (NO_FINDING_TOKEN, "no pleural effusion", True),
        (NO_FINDING_TOKEN, "there is a large pleural effusion", False),
        (NO_FINDING_TOKEN, "", True),
    ],
)
def test_what_a_sentence_affirms(labeler: CheXpertLabeler, token: str, sentence: str, right: bool) -> None:
    assert affirmed(labeler, [token], [sentence.split()]) == [right]


def test_a_token_that_the_rule_set_does_not_know_is_refused_with_its_name(labeler: CheXpertLabeler) -> None:
    with pytest.raises(ValueError, match=r"does not know the finding of the token '<Gallstones>'"):
        affirmed(labeler, ["<Edema>", "<Gallstones>"], [["edema"], ["gallstones"]])


def test_sentences_without_a_token_stay(labeler: CheXpertLabeler) -> None:
    check = SentenceCheck(VOCABULARY, labeler)
    no_token = [VOCABULARY.encode(["effusion"]), [], [Vocabulary.eos_id]]
    wrong = [*VOCABULARY.encode(["<Edema>", "effusion"]), Vocabulary.eos_id, Vocabulary.pad_id]
    assert check.confirms([*no_token, wrong]) == [True, True, True, False]


def test_fewer_than_one_continuation_is_refused(labeler: CheXpertLabeler) -> None:
    with pytest.raises(ValueError, match="continuations is 0"):
        SentenceCheck(VOCABULARY, labeler, 0)


@pytest.mark.parametrize("feedback", [True, False])
@pytest.mark.parametrize("how", ["greedy", "sample", "beam"])
def test_every_sentence_says_what_its_token_promises_where_the_search_is_exhaustive(
    labeler: CheXpertLabeler, how: str, feedback: bool
) -> None:
    model, check = generator(feedback), SentenceCheck(VOCABULARY, labeler, EVERY_SENTENCE)
    arguments = (model, regions(), how)
    plain = word_ids(decode(*arguments, torch.Generator().manual_seed(1)).reports)
    checked = word_ids(decode(*arguments, torch.Generator().manual_seed(1), check=check).reports)
    assert not all(says(labeler, s) for report in plain for s in report), "nothing had to be chosen again"
    assert all(says(labeler, s) for report in checked for s in report)


@torch.no_grad()
def test_the_likeliest_confirmed_continuation_is_taken_as_brute_force_finds_it(
    labeler: CheXpertLabeler,
) -> None:
    model = generator(max_sentences=1)
    check = SentenceCheck(VOCABULARY, labeler, EVERY_SENTENCE)
    plain = word_ids(decode(model, regions()).reports)
    checked = word_ids(decode(model, regions(), check=check).reports)
    words = VOCABULARY.encode(WORDS)
    endings = [[w, Vocabulary.eos_id] for w in words] + [list(two) for two in itertools.product(words, words)]
    again = 0
    for study, ((before,), (after,)) in enumerate(zip(plain, checked, strict=True)):
        if says(labeler, before):
            assert after == before
            continue
        again += 1
        every = torch.tensor([[[before[0], *ending]] for ending in endings])
        count = len(endings)
        reports = TargetReports(
            every, torch.ones(count, dtype=torch.long), torch.ones(count, dtype=torch.bool)
        )
        scored = model(regions()[study : study + 1].expand(count, -1, -1), reports)
        logits = scored.word_logits.view(count, 3, -1)
        logits[
            :, 1:, sorted(VOCABULARY.finding_token_ids)
        ] = -math.inf  # no sentence has another token, or is empty
        logits[:, 1, Vocabulary.eos_id] = -math.inf
        chance = torch.log_softmax(logits, dim=-1).gather(-1, every.squeeze(1).unsqueeze(-1)).sum(dim=(1, 2))
        right = [p for p, e in enumerate(endings) if says(labeler, [before[0], *e])]
        best = endings[max(right, key=lambda place: float(chance[place]))]
        assert after == [before[0], *(w for w in best if w != Vocabulary.eos_id)]
    assert again > 3, "the seed no longer gives sentences to choose again"


def test_a_sentence_stays_where_no_continuation_is_confirmed(labeler: CheXpertLabeler) -> None:
    words = Vocabulary.from_counts(dict.fromkeys(("clear", "heart"), 5), 1, finding_tokens_of(["Edema"]))
    torch.manual_seed(0)
    config = filled(GeneratorConfig, size=16, attention_size=8, dropout=0.0, max_sentences=2, max_words=3)
    model = ReportGenerator(config, len(words), finding_tokens=words.finding_token_ids).eval()
    plain = decode(model, regions()).reports
    checked = decode(model, regions(), check=SentenceCheck(words, labeler, 50)).reports
    assert all(torch.equal(a, b) for a, b in zip(plain, checked, strict=True))


@pytest.mark.parametrize("how", ["greedy", "beam"])
def test_choosing_again_in_a_batch_is_choosing_again_one_by_one(labeler: CheXpertLabeler, how: str) -> None:
    model, check = generator(), SentenceCheck(VOCABULARY, labeler, 6)
    together = word_ids(decode(model, regions(), how, check=check).reports)
    for study in range(0, STUDIES, 5):
        alone = decode(model, regions()[study : study + 1], how, check=check).reports
        assert word_ids(alone) == [together[study]]


@pytest.mark.parametrize("feedback", [True, False])
def test_attention_is_that_of_the_sentences_that_stand_there(
    labeler: CheXpertLabeler, feedback: bool
) -> None:
    model, check = generator(feedback), SentenceCheck(VOCABULARY, labeler, EVERY_SENTENCE)
    written = decode(model, regions(), keep_attention=True, check=check)
    scored = model(regions(), written.reports)
    assert written.attention is not None
    stepwise = written.attention[scored.packing.counted]
    torch.testing.assert_close(stepwise, scored.attention, rtol=1e-4, atol=1e-5)
    assert written.attention[~scored.packing.counted].abs().sum() == 0


def test_decided_findings_are_still_followed(labeler: CheXpertLabeler) -> None:
    draws = torch.rand(len(FINDINGS), STUDIES, generator=torch.Generator().manual_seed(0)) < 0.5
    decided = DecidedFindings.of_labels(VOCABULARY, dict(zip(FINDINGS, draws, strict=True)))
    check = SentenceCheck(VOCABULARY, labeler, EVERY_SENTENCE)
    for study, report in enumerate(
        word_ids(decode(generator(), regions(), guidance=decided, check=check).reports)
    ):
        tokens = [VOCABULARY.finding_token_of(sentence) for sentence in report]
        wanted = {f"<{name}>" for name, flags in zip(FINDINGS, draws, strict=True) if flags[study]}
        assert {token for token in tokens if token != NO_FINDING_TOKEN} == wanted
        assert all(says(labeler, sentence) for sentence in report)


def test_a_sentence_that_is_shorter_than_those_not_taken_keeps_its_attention(
    labeler: CheXpertLabeler,
) -> None:
    model, check = generator(), SentenceCheck(VOCABULARY, labeler, EVERY_SENTENCE)
    model.config = model.config.replace(max_words=5)
    for study in range(STUDIES):
        written = decode(model, regions()[study : study + 1], keep_attention=True, check=check)
        assert written.attention is not None
        assert written.attention.shape[:3] == written.reports.words.shape


def report_of(*sentences: str) -> list[list[int]]:
    """Word ids of sentences, each behind the token of the finding that it names first."""
    ids = []
    for sentence in sentences:
        token = next((f"<{name}>" for name in FINDINGS if sentence.startswith(name.lower().split()[-1])), "")
        words = ([token] if token else []) + sentence.split()
        ids.append([VOCABULARY.tokens.index(word) for word in words])
    return ids


@pytest.mark.parametrize(
    ("sentences", "denials"),
    [
        (("edema", "no effusion", "no edema"), {2}),
        (("no edema", "", "edema"), {0}),
        (("edema", "no effusion"), set()),
        (("no edema", "no edema"), set()),
        ((), set()),
    ],
)
def test_sentences_that_deny_what_another_affirms(
    labeler: CheXpertLabeler, sentences: tuple[str, ...], denials: set[int]
) -> None:
    assert SentenceCheck(VOCABULARY, labeler).denials(report_of(*sentences)) == denials


def padded(reports: list[list[list[int]]]) -> torch.Tensor:
    """Word ids with sentence ends ``(reports, 3 sentences, 4 words)``."""
    words = torch.full((len(reports), 3, 4), Vocabulary.pad_id)
    for place, report in enumerate(reports):
        for row, sentence in enumerate(report):
            words[place, row, : len(sentence) + 1] = torch.tensor([*sentence, Vocabulary.eos_id])
    return words


def test_a_denial_is_left_out_and_the_words_keep_their_attention(labeler: CheXpertLabeler) -> None:
    reports = [report_of("no edema", "edema", "no effusion"), report_of("clear")]
    words = padded(reports)
    attention = torch.rand(2, 3, 4, 6)
    given = TargetReports(words, torch.tensor([3, 1]), torch.tensor([True, False]))
    kept, maps = SentenceCheck(VOCABULARY, labeler).without_denials(given, attention)
    assert word_ids(kept) == [reports[0][1:], reports[1]]
    assert maps is not None
    assert torch.equal(maps[0, :2], attention[0, 1:])
    assert torch.equal(maps[1, 0], attention[1, 0])
    assert not kept.words[0, 2].any()
    assert not maps[0, 2].any()
    assert kept.stopped.tolist() == [True, False]


def test_a_sentence_that_contradicts_an_earlier_one_is_chosen_again(labeler: CheXpertLabeler) -> None:
    model, check = generator(), SentenceCheck(VOCABULARY, labeler, EVERY_SENTENCE)
    none = VOCABULARY.id_of(NO_FINDING_TOKEN)
    denial = [none, *(VOCABULARY.tokens.index(word) for word in ("no", "edema"))]
    words = padded([[denial]])[:, :1]
    image = model.word_decoder.encode_regions(regions(1))
    cache, topics, exists = model.word_decoder.step_cache(), torch.zeros(1, 1, 16), torch.ones(1, 1).bool()

    def after(*earlier: str) -> list[int]:
        before = padded([report_of(*earlier)])
        chosen, _ = check.replace_unconfirmed(model, words, None, topics, image, cache, exists, before)
        return [i for i in chosen[0, 0].tolist() if i not in (Vocabulary.pad_id, Vocabulary.eos_id)]

    with torch.no_grad():
        assert after("effusion") == denial
        chosen = after("edema")
    assert chosen != denial
    assert chosen[0] == none
    assert check.consistent([chosen], [report_of("edema")]) == [True]
    assert check.confirms([chosen]) == [True]


def test_a_denial_is_said_once_where_that_is_asked_for(labeler: CheXpertLabeler) -> None:
    once = SentenceCheck(VOCABULARY, labeler, deny_once=True)
    denied, other, twice = (
        report_of(*said) for said in (("no edema",), ("no effusion",), ("no edema", "clear"))
    )
    assert once.consistent([*denied, *denied, *denied], [other, denied, twice]) == [True, False, False]
    assert once.consistent(report_of("clear", "edema"), [report_of("clear"), other]) == [True, True]
    assert SentenceCheck(VOCABULARY, labeler).consistent(denied, [denied]) == [True]
