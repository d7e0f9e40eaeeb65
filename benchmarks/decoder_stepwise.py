"""The decoders written as their equations stand, with loops over sentences and words.

Slow, and nothing to get wrong: tests compare the fast pass with it, and its benchmark measures against it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from coherent_cxr.models.generator import ReportGenerator, TargetReports

BOS, EOS, UNK = 1, 2, 3


def stepwise_loss(model: ReportGenerator, regions: Tensor, reports: TargetReports) -> tuple[Tensor, Tensor]:
    """Return the summed cross-entropies of words and of stop decisions (Liu et al. 2019, section 3)."""
    sentences, decoder = model.sentence_decoder, model.word_decoder
    batch, longest, width = reports.words.shape
    mean = regions.mean(dim=1)
    state = None
    words_total = stop_total = regions.new_zeros(())
    said = torch.zeros_like(mean)
    for i in range(longest):
        exists = i < reports.sentences
        inputs = mean if sentences.feedback is None else mean + sentences.feedback(said)
        hidden, state = sentences.lstm(inputs.unsqueeze(1), state)
        topic = torch.relu(sentences.topic(hidden[:, 0]))
        stop = torch.sigmoid(sentences.stop(hidden[:, 0]).squeeze(1))
        last = (i == reports.sentences - 1) & reports.stopped
        stop_total = stop_total - torch.log(torch.where(last, stop, 1 - stop))[exists].sum()
        previous = torch.full((batch,), BOS)
        h = m = torch.zeros_like(mean)
        alive = exists
        embedded, count = torch.zeros_like(mean), torch.zeros(batch, 1)
        for j in range(width):
            x = torch.cat([mean, topic, decoder.dropout(decoder.embedding(previous))], dim=-1)
            h_before = h
            h, m = torch.lstm_cell(x, (h, m), *decoder.lstm.all_weights[0])
            gate = torch.sigmoid(decoder.sentinel_input(x) + decoder.sentinel_hidden(h_before))
            sentinel = gate * torch.tanh(m)
            seen = torch.cat(
                [decoder.attend_region(regions), decoder.attend_sentinel(sentinel).unsqueeze(1)], 1
            )
            scores = decoder.attend_score(torch.tanh(seen + decoder.attend_hidden(h).unsqueeze(1))).squeeze(
                -1
            )
            attention = torch.softmax(scores, dim=-1)
            context = (attention[:, :-1].unsqueeze(-1) * regions).sum(1) + attention[:, -1:] * sentinel
            logits = decoder.word(decoder.dropout(context + h))
            logits[:, [0, BOS, UNK]] = -torch.inf
            if j == 0:
                logits[:, EOS] = -torch.inf
            target = reports.words[:, i, j]
            asked = alive & (target != UNK) & (target != 0)
            log = torch.log_softmax(logits[asked], dim=-1)
            words_total = words_total - log.gather(1, target[asked].unsqueeze(1)).sum()
            is_word = (alive & (target != EOS) & (target != 0)).unsqueeze(1)
            embedded = embedded + is_word * decoder.embedding(target)
            count = count + is_word
            alive = alive & (target != EOS)
            previous = target
        said = embedded / count.clamp_min(1)
    return words_total, stop_total
