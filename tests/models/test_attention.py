from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from coherent_cxr.evaluation.attention_maps import write_with_maps
from coherent_cxr.models.attention import write_with_attention
from coherent_cxr.models.decoding import decode, word_ids
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.vocabulary import Vocabulary
from tiny_bundle import make_bundle


@pytest.mark.parametrize("study_input", ["per_image", "per_study"])
@pytest.mark.parametrize("feedback", [False, True])
def test_every_word_has_a_map_of_the_image_and_shares_that_sum_to_one(study_input, feedback):
    bundle = make_bundle()
    config = dataclasses.replace(bundle.config, study_input=study_input, sentence_feedback=feedback)
    torch.manual_seed(0)
    model = ReportGenerator(config, len(bundle.vocabulary)).eval()
    image = np.random.default_rng(0).integers(0, 256, (96, 96), dtype=np.uint8)
    written = write_with_attention(model, bundle.vocabulary, image)
    regions = model.encoder(model.encoder.backbone(torch.from_numpy(image)[None]))
    expected = word_ids(decode(model, regions).reports)[0]
    assert [[w.word for w in s] for s in written] == [bundle.vocabulary.decode(s) for s in expected]
    for word in (word for sentence in written for word in sentence):
        assert word.regions.shape == (3, 3)
        assert word.regions.min() >= 0
        assert 0 <= word.sentinel <= 1
        assert word.regions.sum() + word.sentinel == pytest.approx(1, abs=1e-5)


def test_finding_marks_are_left_out_and_the_other_words_keep_their_maps():
    bundle = make_bundle(seed=7)
    model = bundle.build()
    image = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    plain = write_with_attention(model, bundle.vocabulary, image)
    spoken = {word.word for sentence in plain for word in sentence}
    mark = plain[0][0].word
    assert spoken > {mark}, "the fixture's seed no longer writes two different words"
    tokens = [f"<{token}>" if token == mark else token for token in bundle.vocabulary.tokens]
    marked = Vocabulary(tokens, bundle.vocabulary.counts, 1)
    regions = model.encoder(model.encoder.backbone(torch.from_numpy(image)[None]))
    wanted = [[(w.word, w.sentinel) for w in sentence if w.word != mark] for sentence in plain]
    for written in (write_with_attention(model, marked, image), write_with_maps(model, marked, [regions])[0]):
        assert [[w.word for w in s] for s in written] == [[word for word, _ in s] for s in wanted]
        shares = [w.sentinel for s in written for w in s]
        assert shares == pytest.approx([share for s in wanted for _, share in s], abs=1e-6)
