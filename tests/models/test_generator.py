from __future__ import annotations

import torch

from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.likelihood import (
    likelihood_loss,
    report_log_probability,
    sampled_inputs,
    stop_log_probabilities,
    word_log_probabilities,
)


def test_attention_over_regions_and_sentinel_sums_to_one(model, regions, reports):
    attention = model(regions, reports).attention
    assert attention.shape == (6, 4, 6)  # 3 + 1 + 2 sentences, 4 words, 5 regions + sentinel
    torch.testing.assert_close(attention.sum(-1), torch.ones(6, 4))


def test_batch_equals_one_by_one(model, regions, reports):
    together = report_log_probability(model(regions, reports), 3)
    for i in range(3):
        alone = TargetReports(*(t[i : i + 1] for t in reports))
        torch.testing.assert_close(
            report_log_probability(model(regions[i : i + 1], alone), 1)[0], together[i], rtol=1e-5, atol=1e-5
        )


def test_words_after_an_end_and_sentences_after_the_stop_do_not_count(model, regions, reports):
    before = likelihood_loss(model(regions, reports))
    words = reports.words.clone()
    words[1, 1:] = 15  # sentences after the report's only one
    after = likelihood_loss(model(regions, reports._replace(words=words)))
    assert before.words.item() == after.words.item()
    assert before.stop.item() == after.stop.item()


def test_word_loss_is_the_mean_negative_log_softmax_of_the_targets(model, regions, reports):
    scored = model(regions, reports)
    by_hand = []
    for row in range(6):
        for step in range(4):
            target = int(scored.targets[row, step])
            if target not in (0, 3):  # neither padding nor unknown
                by_hand.append(-torch.log_softmax(scored.word_logits[row, step], -1)[target])
    torch.testing.assert_close(likelihood_loss(scored).words, torch.stack(by_hand).mean())


def test_stop_decisions_are_scored_up_to_the_last_sentence(model, regions, reports):
    scored = model(regions, reports)
    chance = torch.sigmoid(scored.stop_logits)
    log = stop_log_probabilities(scored)
    # Report 0 goes on twice and stops; report 2 was cut, so it never stopped.
    torch.testing.assert_close(
        log[0], torch.log(torch.stack([1 - chance[0, 0], 1 - chance[0, 1], chance[0, 2]]))
    )
    torch.testing.assert_close(log[2, :2], torch.log(1 - chance[2, :2]))
    assert log[2, 2] == 0
    assert log[1, 1:].abs().sum() == 0


def test_marks_that_are_never_written_have_no_probability(model, regions, reports):
    chances = torch.softmax(model(regions, reports).word_logits, -1)
    assert chances[..., [0, 1, 3]].max() == 0  # padding, start, unknown
    assert chances[:, 0, 2].max() == 0  # a sentence does not begin with its end
    assert chances[:, 1, 2].min() > 0


def test_gradient_reaches_every_parameter_without_nan(config):
    torch.manual_seed(0)
    model = ReportGenerator(config, 20).train()
    images = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    words = torch.randint(4, 20, (3, 3, 4))
    reports = TargetReports(words, torch.tensor([3, 1, 2]), torch.ones(3, dtype=torch.bool))
    loss = likelihood_loss(model(model.encoder(model.encoder.backbone(images)), reports))
    (loss.words + loss.stop).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_sentinel_memory_recovered_from_the_gate_is_the_cell_state(model, regions):
    decoder = model.word_decoder
    words = torch.tensor([[1, 4, 5, 6, 7]])
    step = decoder(words, torch.randn(1, 16), regions[:1])
    inputs = torch.randn(2, 5, 48)
    hidden, (_, cell) = decoder.lstm(inputs)
    before = torch.cat([torch.zeros(2, 1, 16), hidden[:, :-1]], 1)
    memory = decoder._squashed_memory(inputs, before, hidden)
    torch.testing.assert_close(memory[:, -1], torch.tanh(cell[0]), rtol=1e-4, atol=1e-5)
    assert step.state.cell.shape == (1, 16)


def test_sampled_inputs_keep_the_start_and_replace_by_chance(model, regions, reports):
    scored = model(regions, reports)
    never = sampled_inputs(scored, 0.0, torch.Generator().manual_seed(0))
    always = sampled_inputs(scored, 1.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(never[:, 1:], scored.targets[:, :-1])
    assert (always[:, 0] == 1).all()
    assert not torch.equal(always, never)
    assert set(always.unique().tolist()).isdisjoint({3} - set(scored.targets.unique().tolist()))


def test_masked_log_probabilities_are_zero(model, regions, reports):
    scored = model(regions, reports)
    log = word_log_probabilities(scored)
    assert (log[~scored.word_mask] == 0).all()
    assert (log[scored.word_mask] < 0).all()
