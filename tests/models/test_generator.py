from __future__ import annotations

import pytest
import torch
from decoder_stepwise import stepwise_loss
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator, TargetReports
from coherent_cxr.models.image_encoder.prior import PriorInput
from coherent_cxr.models.likelihood import (
    likelihood_loss,
    report_log_probability,
    sampled_words,
    stop_log_probabilities,
    word_log_probabilities,
)
from coherent_cxr.models.packing import pack_tokens
from helpers.settings import filled

# (report, sentence, word) of the thirteen words of the fixture's reports
FIRST_WORDS = [0, 3, 5, 9, 11, 15]


def test_the_pass_without_loops_equals_the_equations_step_by_step(model, regions, reports):
    scored = model(regions, reports)
    words, stop = stepwise_loss(model, regions, reports)
    torch.testing.assert_close(-word_log_probabilities(scored).sum(), words, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(-stop_log_probabilities(scored).sum(), stop, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("others", "output"), [(-12, -12), (6, -3), (20, 20), (-20, 20), (100, 100)])
def test_with_saturated_gates_it_equals_the_equations_too(model, regions, reports, others, output):
    """The memory is divided out of what the output gate lets through, however little that is."""
    with torch.no_grad():
        for lstm in (model.sentence_decoder.lstm, model.word_decoder.lstm):
            lstm.bias_ih_l0.fill_(others)
            lstm.bias_ih_l0[-model.config.size :] = output
            lstm.weight_hh_l0.mul_(10)
    words, stop = stepwise_loss(model, regions, reports)
    scored = model(regions, reports)
    torch.testing.assert_close(-word_log_probabilities(scored).sum(), words, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(-stop_log_probabilities(scored).sum(), stop, rtol=1e-4, atol=1e-3)
    (-word_log_probabilities(scored).sum() - stop_log_probabilities(scored).sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_its_gradient_equals_that_of_the_equations(model, regions, reports):
    gradients = []
    for words, stop in (
        stepwise_loss(model, regions, reports),
        (-word_log_probabilities(s := model(regions, reports)).sum(), -stop_log_probabilities(s).sum()),
    ):
        model.zero_grad()
        (words + stop).backward()
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-4, msg=name)


def test_attention_over_regions_and_sentinel_sums_to_one(model, regions, reports):
    attention = model(regions, reports).attention
    assert attention.shape == (18, 6)  # the words of three reports, 5 regions + sentinel
    assert attention.min() >= 0
    torch.testing.assert_close(attention.sum(-1), torch.ones(18))


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
    words[0, 0, 3] = 16  # a word after a sentence's end
    words[2, 1, 3] = 2  # a second end
    after = likelihood_loss(model(regions, reports._replace(words=words)))
    assert before.words.item() == after.words.item()
    assert before.stop.item() == after.stop.item()


def test_word_loss_is_the_mean_negative_log_softmax_of_the_targets(model, regions, reports):
    scored = model(regions, reports)
    by_hand = [
        -torch.log_softmax(logits, -1)[target]
        for logits, target in zip(scored.word_logits, scored.targets, strict=True)
        if target != 3  # not unknown
    ]
    assert len(by_hand) == 17
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
    assert chances[:, [0, 1, 3]].max() == 0  # padding, start, unknown
    first = torch.zeros(18, dtype=torch.bool)
    first[FIRST_WORDS] = True
    assert chances[first][:, 2].max() == 0  # a sentence does not begin with its end
    assert chances[~first][:, 2].min() > 0


@pytest.mark.parametrize(
    ("study_input", "feedback", "prior_report"),
    [
        ("per_image", False, False),
        ("per_study", False, False),
        ("per_image", True, False),
        ("per_study", True, False),
        ("with_prior", True, False),
        ("with_prior", True, True),
    ],
)
def test_gradient_reaches_every_parameter_without_nan(study_input, feedback, prior_report):
    torch.manual_seed(0)
    config = filled(
        GeneratorConfig,
        encoder="small_cnn",
        size=16,
        attention_size=8,
        max_sentences=4,
        max_words=6,
        study_input=study_input,
        sentence_feedback=feedback,
        prior_report=prior_report,
    )
    model = ReportGenerator(config, 20).train()
    images = torch.randint(0, 256, (6, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    features = model.encoder.backbone(images)
    words = torch.randint(4, 20, (3, 3, 4), generator=torch.Generator().manual_seed(1))
    words.flatten()[:16] = torch.arange(4, 20)  # every word is read once
    words[..., 3] = 2
    views = torch.tensor([[0, 1]] * 3)
    if study_input == "per_study":
        regions = model.encoder(features.view(3, 2, 4, -1), views)
    elif study_input == "with_prior":
        days = torch.tensor([-1.0, 0.5, 40.0])
        regions = model.encoder(features[:3], prior=PriorInput(features[3:], days, words.flip(0)))
    else:
        regions = model.encoder(features[:3])
    reports = TargetReports(words, torch.tensor([3, 3, 2]), torch.ones(3, dtype=torch.bool))
    loss = likelihood_loss(model(regions, reports))
    (loss.words + loss.stop).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.slow
def test_the_model_learns_eight_studies_by_heart(config):
    generator = torch.Generator().manual_seed(0)
    wanted = [
        [torch.randint(4, 20, (int(n),), generator=generator).tolist() for n in lengths]
        for lengths in torch.randint(1, 6, (8, 3), generator=generator)
    ]
    wanted = [report[: 1 + i % 3] for i, report in enumerate(wanted)]
    words = torch.zeros(8, 3, 6, dtype=torch.long)
    for i, report in enumerate(wanted):
        for s, sentence in enumerate(report):
            words[i, s, : len(sentence) + 1] = torch.tensor([*sentence, 2])
    reports = TargetReports(words, torch.tensor([len(r) for r in wanted]), torch.ones(8, dtype=torch.bool))
    regions = torch.randn(8, 5, 16, generator=generator)
    torch.manual_seed(0)
    model = ReportGenerator(config, 20)
    decoders = [*model.sentence_decoder.parameters(), *model.word_decoder.parameters()]
    optimizer = torch.optim.Adam(decoders, lr=3e-2)
    for _ in range(120):
        optimizer.zero_grad()
        loss = likelihood_loss(model(regions, reports))
        (loss.words + loss.stop).backward()
        optimizer.step()
    assert word_ids(decode(model.eval(), regions).reports) == wanted


def test_sentinel_memory_recovered_from_the_gate_is_the_cell_state(model):
    decoder = model.word_decoder
    inputs = torch.randn(2, 5, 48)
    hidden, (_, cell) = decoder.lstm(inputs)
    before = torch.cat([torch.zeros(2, 1, 16), hidden[:, :-1]], 1)
    memory = decoder._squashed_memory(inputs, before, hidden)
    torch.testing.assert_close(memory[:, -1], torch.tanh(cell[0]), rtol=1e-4, atol=1e-5)


def test_words_to_read_are_replaced_by_chance(model, regions, reports):
    scored = model(regions, reports)
    never = sampled_words(scored, reports.words, 0.0, torch.Generator().manual_seed(0))
    always = sampled_words(scored, reports.words, 1.0, torch.Generator().manual_seed(0))
    assert torch.equal(never, reports.words)
    kept = (reports.words == 0) | (reports.words == 3)
    assert torch.equal(always[kept], reports.words[kept])  # padding and unknown words stay
    assert not torch.equal(always, never)
    assert set(always[~kept].unique().tolist()).isdisjoint({0, 1, 3})


def test_words_that_are_read_matter_only_for_later_ones(model, regions, reports):
    read = reports.words.clone()
    read[0, 0, 1] = 9
    before, after = (model(regions, reports, r).word_logits for r in (None, read))
    assert torch.equal(before[:2], after[:2])
    assert not torch.equal(before[2], after[2])
    others = slice(9, None)  # the other reports
    torch.testing.assert_close(before[others], after[others])


def test_a_sentence_knows_the_one_before_only_with_feedback(model, regions, reports):
    words = reports.words.clone()
    words[0, 0, 0] = 9
    before, after = (model(regions, r) for r in (reports, reports._replace(words=words)))
    known = model.config.sentence_feedback
    assert torch.equal(before.stop_logits[0, 1:], after.stop_logits[0, 1:]) != known
    assert torch.equal(before.word_logits[3:5], after.word_logits[3:5]) != known
    assert torch.equal(before.stop_logits[0, 0], after.stop_logits[0, 0])


def test_masked_log_probabilities_are_zero(model, regions, reports):
    scored = model(regions, reports)
    log = word_log_probabilities(scored)
    assert (log[~scored.word_mask] == 0).all()
    assert (log[scored.word_mask] < 0).all()


LENGTHS = st.lists(st.lists(st.integers(1, 7), min_size=1, max_size=4), min_size=1, max_size=5)


@given(LENGTHS)
def test_layout_names_every_word_once_in_reading_and_in_packed_order(lengths):
    words = torch.zeros(len(lengths), 4, 7, dtype=torch.long)
    for i, report in enumerate(lengths):
        for s, length in enumerate(report):
            words[i, s, :length] = 4
    layout = pack_tokens(words, torch.tensor([len(r) for r in lengths]))
    reading = [(i, s, t) for i, r in enumerate(lengths) for s, length in enumerate(r) for t in range(length)]
    assert layout.report.tolist() == [i for i, _, _ in reading]
    assert layout.sentence.tolist() == [s for _, s, _ in reading]
    assert layout.begins.tolist() == [t == 0 for _, _, t in reading]
    assert layout.place.tolist() == [sum(r[:s]) + t for i, s, t in reading for r in [lengths[i]]]
    packed = torch.nn.utils.rnn.pack_sequence(
        [
            torch.tensor([n for n, (i, s, _) in enumerate(reading) if (i, s) == row])
            for row in _longest_first(lengths)
        ]
    )
    assert layout.packed.tolist() == packed.data.tolist()
    assert layout.packed_sizes.tolist() == packed.batch_sizes.tolist()


def _longest_first(lengths):
    rows = [(i, s) for i, report in enumerate(lengths) for s in range(len(report))]
    return sorted(rows, key=lambda row: -lengths[row[0]][row[1]])
