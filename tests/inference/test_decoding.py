from __future__ import annotations

import pytest
import torch

from coherent_cxr.finite import NonFiniteError
from coherent_cxr.inference.decoding import decode, sample_reports_and_greedy, word_ids
from coherent_cxr.inference.sentence_decoding import SamplingConfig
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.likelihood import report_log_probability
from coherent_cxr.reports.repeats import repeat_rate, without_repeats
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled


def log_probability(model, regions, reports):
    return report_log_probability(model(regions, reports), len(regions))


def test_greedy_words_are_the_likeliest_under_the_teacher_forced_pass(model, regions):
    written = decode(model, regions).reports
    scored = model(regions, written)
    torch.testing.assert_close(
        scored.word_logits.argmax(-1)[scored.word_mask], scored.targets[scored.word_mask]
    )
    chance = torch.sigmoid(scored.stop_logits)
    assert ((chance > 0.5) == (scored.stop_targets == 1))[scored.stop_mask].all()


@pytest.mark.parametrize("how", ["greedy", "sample"])
def test_attention_of_decoding_is_that_of_the_teacher_forced_pass(model, regions, how):
    written = decode(model, regions, how, torch.Generator().manual_seed(2), keep_attention=True)
    scored = model(regions, written.reports)
    stepwise = written.attention[scored.packing.counted]
    torch.testing.assert_close(stepwise, scored.attention, rtol=1e-4, atol=1e-5)
    assert written.attention[~scored.packing.counted].abs().sum() == 0


@pytest.mark.parametrize("how", ["greedy", "beam"])
def test_batch_decoding_equals_one_by_one(model, how):
    regions = torch.randn(12, 5, 16, generator=torch.Generator().manual_seed(4)) * 3
    together = word_ids(decode(model, regions, how).reports)
    alone = [word_ids(decode(model, regions[i : i + 1], how).reports)[0] for i in range(12)]
    assert together == alone
    assert len({len(report) for report in together}) > 1, (
        "the seed no longer gives reports of several lengths"
    )


def test_a_beam_of_width_one_is_greedy(model, regions):
    greedy, beam = decode(model, regions).reports, decode(model, regions, "beam", beams=1).reports
    assert all(torch.equal(a, b) for a, b in zip(greedy, beam, strict=True))


@pytest.mark.parametrize("beams", [2, 4, 9])
def test_a_wider_beam_never_writes_a_less_likely_report(model, beams):
    regions = torch.randn(40, 5, 16, generator=torch.Generator().manual_seed(3)) * 3
    greedy = log_probability(model, regions, decode(model, regions).reports)
    beam = log_probability(model, regions, decode(model, regions, "beam", beams=beams).reports)
    assert (beam >= greedy - 1e-4).all()  # sums in another order
    assert (beam > greedy + 1e-4).any(), "the search found nothing better anywhere"


def test_a_beam_as_wide_as_the_choice_finds_the_likeliest_sentence():
    torch.manual_seed(3)
    config = filled(
        GeneratorConfig,
        encoder="small_cnn",
        size=8,
        attention_size=4,
        dropout=0.0,
        max_sentences=1,
        max_words=3,
    )
    model = ReportGenerator(config, 6).eval()
    regions = torch.randn(20, 3, 8, generator=torch.Generator().manual_seed(0)) * 4
    sentences = [[a, 2] for a in (4, 5)] + [[a, b, 2] for a in (4, 5) for b in (4, 5)]
    sentences += [[a, b, c] for a in (4, 5) for b in (4, 5) for c in (4, 5)]
    every = torch.zeros(len(sentences), 1, 3, dtype=torch.long)
    for row, sentence in enumerate(sentences):
        every[row, 0, : len(sentence)] = torch.tensor(sentence)
    written = decode(model, regions, "beam", beams=len(sentences)).reports
    for i in range(len(regions)):
        stopped = written.stopped[i].expand(len(every))
        reports = TargetReports(every, torch.ones(len(every), dtype=torch.long), stopped)
        chances = log_probability(model, regions[i : i + 1].expand(len(every), -1, -1), reports)
        best = [w for w in sentences[int(chances.argmax())] if w != 2]
        assert word_ids(written)[i] == [best]


def test_sampling_frequencies_match_the_reported_probability(model, regions):
    # Draw one short report very often and compare its share with exp(log p).
    generator = torch.Generator().manual_seed(0)
    many = regions[:1].expand(4000, -1, -1)
    written = decode(model, many, "sample", generator).reports
    scored = model(many[:1], TargetReports(*(t[:1] for t in written)))
    chance = torch.sigmoid(scored.stop_logits)[0, 0].item()
    first_stop = (written.sentences == 1) & written.stopped
    assert abs(first_stop.float().mean().item() - chance) < 4 * (chance * (1 - chance) / 4000) ** 0.5
    first_words = written.words[:, 0, 0]
    share = torch.bincount(first_words, minlength=20) / 4000
    assert (share - torch.softmax(scored.word_logits[0], -1)).abs().max() < 0.04


def test_log_probability_of_all_reports_of_a_tiny_model_sums_to_one(config):
    tiny = filled(
        GeneratorConfig,
        encoder="small_cnn",
        size=8,
        attention_size=4,
        dropout=0.0,
        max_sentences=2,
        max_words=2,
        sentence_feedback=config.sentence_feedback,
    )
    torch.manual_seed(3)
    model = ReportGenerator(tiny, 6).eval()  # two real words: 4 and 5
    sentences = [[4, 2], [5, 2], [4, 4], [4, 5], [5, 4], [5, 5]]  # the last four were cut at two words
    every = [([s], 1, True) for s in sentences]
    every += [([s, t], 2, stop) for s in sentences for t in sentences for stop in (True, False)]
    words = torch.zeros(len(every), 2, 2, dtype=torch.long)
    for i, (report, _, _) in enumerate(every):
        words[i, : len(report)] = torch.tensor(report)
    reports = TargetReports(
        words, torch.tensor([n for _, n, _ in every]), torch.tensor([s for _, _, s in every])
    )
    regions = torch.randn(1, 3, 8, generator=torch.Generator().manual_seed(0)).expand(len(every), -1, -1)
    total = log_probability(model, regions, reports).exp().sum()
    torch.testing.assert_close(total, torch.tensor(1.0), rtol=1e-5, atol=1e-5)


def test_sampling_among_one_word_or_at_no_temperature_is_greedy(model, regions):
    greedy = word_ids(decode(model, regions).reports)
    cold = decode(model, regions, "sample", torch.Generator().manual_seed(0), temperature=1e-7)
    assert word_ids(cold.reports) == greedy
    for narrow in ({"top_k": 1}, {"top_p": 1e-6}):
        drawn = word_ids(decode(model, regions, "sample", torch.Generator().manual_seed(0), **narrow).reports)
        for report, likeliest in zip(drawn, greedy, strict=True):  # stops are still drawn
            shared = min(len(report), len(likeliest))
            assert report[:shared] == likeliest[:shared]


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        ({}, [0, 1, 2, 3]),
        ({"top_k": 2}, [1, 2]),
        ({"top_p": 0.5}, [1]),  # 0.5 reaches it alone
        ({"top_p": 0.51}, [1, 2]),
        ({"top_k": 3, "top_p": 0.99}, [0, 1, 2]),
    ],
)
def test_words_that_may_be_drawn(limits, allowed):
    chances = torch.tensor([[[0.15, 0.5, 0.3, 0.05]]])
    left = SamplingConfig(True, **limits).allowed(chances.log())
    assert torch.isfinite(left[0, 0]).nonzero().squeeze(1).tolist() == allowed


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"temperature": 0.0}, "temperature is 0.0; it must be positive"),
        ({"top_p": 1.5}, "top_p is 1.5; it must be above 0 and at most 1"),
        ({"top_k": -1}, "top_k is -1"),
        ({"beams": 0}, "beams is 0"),
        ({"how": "beam", "keep_attention": True}, "use how='greedy'"),
    ],
)
def test_impossible_settings_are_refused(model, regions, setting, message):
    with pytest.raises(ValueError, match=message):
        decode(model, regions, **setting)


def test_the_same_seed_draws_the_same_reports(model, regions):
    one, same, other = (
        decode(model, regions, "sample", torch.Generator().manual_seed(seed)).reports.words
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_repeated_sentences_are_dropped_and_counted():
    report = [["a", "b"], ["c"], ["a", "b"], ["d"], ["c"]]
    assert without_repeats(report) == [["a", "b"], ["c"], ["d"]]
    assert repeat_rate([report, [["e"]]]) == pytest.approx(2 / 6)
    assert repeat_rate([]) == 0


def test_drawn_and_greedy_reports_come_out_of_one_go_as_from_two(model, regions):
    warm, cold = (SamplingConfig(True, torch.Generator().manual_seed(3), temperature=t) for t in (1.0, 1e-7))
    drawn, greedy = sample_reports_and_greedy(model, regions, 3, warm)
    alone = decode(model, regions).reports
    assert word_ids(greedy) == word_ids(alone)
    assert greedy.words.shape == alone.words.shape
    torch.testing.assert_close(greedy.stopped, alone.stopped)
    assert len(drawn.words) == 3 * len(regions)
    assert word_ids(drawn) != [report for report in word_ids(greedy) for _ in range(3)]
    frozen, _ = sample_reports_and_greedy(model, regions, 2, cold)
    assert word_ids(frozen) == [report for report in word_ids(greedy) for _ in range(2)]


@pytest.mark.parametrize("how", ["greedy", "beam"])
def test_a_finding_mark_stands_in_front_alone_and_is_followed_by_a_word(config, regions, how):
    torch.manual_seed(0)
    model = ReportGenerator(config, 20, finding_tokens={18, 19}).eval()
    with torch.no_grad():
        model.word_decoder.word.bias[18] += 100  # the likeliest word everywhere
        model.word_decoder.word.bias[Vocabulary.eos_id] += 50  # and then an end
    for report in word_ids(decode(model, regions, how, beams=3).reports):
        for mark, *words in report:
            assert mark == 18
            assert len(words) == 1
            assert words[0] not in (18, 19)


@pytest.mark.parametrize(
    ("place", "what"),
    [
        ("regions", "features of the images"),
        ("word_decoder.word.weight", r"weights 'word\.weight'"),
        ("word_decoder.embedding.weight", r"weights 'embedding\.weight'"),
        ("sentence_decoder.stop.weight", r"weights 'stop\.weight'"),
        ("sentence_decoder.lstm.weight_hh_l0", r"weights 'lstm\.weight_hh_l0'"),
    ],
)
def test_one_number_that_is_not_finite_ends_in_a_refusal_and_no_report(model, regions, place, what):
    generator = torch.Generator().manual_seed(0)
    numbers = regions if place == "regions" else dict(model.named_parameters())[place].data
    good = numbers.clone()
    for value in (float("nan"), float("inf")):
        numbers[..., 0] = value
        for how in ("greedy", "sample", "beam"):
            with pytest.raises(NonFiniteError, match=what):
                decode(model, regions, how, generator)
        with pytest.raises(NonFiniteError, match=what):
            sample_reports_and_greedy(model, regions, 2, SamplingConfig(True, generator))
        numbers.copy_(good)
    decode(model, regions)


@pytest.mark.parametrize(
    ("place", "what"),
    [
        ("word_decoder.word.weight", "logits of the words"),
        ("sentence_decoder.stop.weight", "logits of the stop signal"),
    ],
)
def test_logits_that_overflow_are_refused(model, regions, place, what):
    numbers = dict(model.named_parameters())[place].data
    numbers.copy_(torch.sign(numbers) * 3e38)
    for how in ("greedy", "sample", "beam"):
        with pytest.raises(NonFiniteError, match=what):
            decode(model, regions * 1e3, how, torch.Generator().manual_seed(0))


def test_a_vocabulary_without_words_writes_nothing():
    config = filled(
        GeneratorConfig, encoder="small_cnn", size=16, attention_size=8, max_sentences=2, max_words=3
    )
    with pytest.raises(NonFiniteError, match="logits of the words"):
        decode(ReportGenerator(config, 4).eval(), torch.zeros(1, 4, 16))
