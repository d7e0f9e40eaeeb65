from __future__ import annotations

import torch

from coherent_cxr.models.decoding import decode, without_repeats, word_ids
from coherent_cxr.models.likelihood import report_log_probability


def test_greedy_words_are_the_likeliest_under_the_teacher_forced_pass(model, regions):
    written = decode(model, regions).reports
    scored = model(regions, written)
    torch.testing.assert_close(
        scored.word_logits.argmax(-1)[scored.word_mask], scored.targets[scored.word_mask]
    )
    chance = torch.sigmoid(scored.stop_logits)
    assert ((chance > 0.5) == (scored.stop_targets == 1))[scored.stop_mask].all()


def test_attention_of_decoding_is_that_of_the_teacher_forced_pass(model, regions):
    written = decode(model, regions, keep_attention=True)
    scored = model(regions, written.reports)
    exists = torch.arange(written.reports.words.shape[1]) < written.reports.sentences.unsqueeze(1)
    stepwise = written.attention[exists]
    torch.testing.assert_close(
        stepwise[scored.word_mask], scored.attention[scored.word_mask], rtol=1e-4, atol=1e-5
    )


def test_batch_decoding_equals_one_by_one(model, regions):
    together = word_ids(decode(model, regions).reports)
    alone = [word_ids(decode(model, regions[i : i + 1]).reports)[0] for i in range(3)]
    assert together == alone


def test_sampling_frequencies_match_the_reported_probability(model, regions):
    # Draw one short report very often and compare its share with exp(log p).
    generator = torch.Generator().manual_seed(0)
    many = regions[:1].expand(4000, -1, -1)
    written = decode(model, many, "sample", generator).reports
    first_stop = (written.sentences == 1) & written.stopped
    chance = torch.sigmoid(model.sentence_decoder(regions[:1].mean(1), 4)[1])[0, 0].item()
    assert abs(first_stop.float().mean().item() - chance) < 4 * (chance * (1 - chance) / 4000) ** 0.5
    first_words = written.words[:, 0, 0]
    scored = model(regions[:1], type(written)(written.words[:1], written.sentences[:1], written.stopped[:1]))
    expected = torch.softmax(scored.word_logits[0, 0], -1)
    share = torch.bincount(first_words, minlength=20) / 4000
    assert (share - expected).abs().max() < 0.04


def test_log_probability_of_all_reports_of_a_tiny_model_sums_to_one(config):
    from coherent_cxr.models.config import GeneratorConfig
    from coherent_cxr.models.generator import ReportGenerator, TargetReports

    tiny = GeneratorConfig(size=8, attention_size=4, dropout=0.0, max_sentences=2, max_words=2)
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
    total = report_log_probability(model(regions, reports), len(every)).exp().sum()
    torch.testing.assert_close(total, torch.tensor(1.0), rtol=1e-5, atol=1e-5)


def test_repeated_sentences_are_dropped_and_order_is_kept():
    report = [["a", "b"], ["c"], ["a", "b"], ["d"], ["c"]]
    assert without_repeats(report) == [["a", "b"], ["c"], ["d"]]
