from __future__ import annotations

import numpy as np
import pytest
import torch

from coherent_cxr.evaluation.attention.maps import write_with_maps
from coherent_cxr.evaluation.attention.mentions import most_visual_words
from coherent_cxr.inference.attention import generate_with_attention
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.reports.word_attention import words_of
from helpers.tiny_bundle import make_bundle


@pytest.mark.parametrize(
    ("study_input", "feedback"),
    [
        ("per_image", False),
        ("per_image", True),
        ("per_study", False),
        ("per_study", True),
        ("with_prior", True),
    ],
)
def test_every_word_has_a_map_of_the_image_and_shares_that_sum_to_one(study_input, feedback):
    bundle = make_bundle()
    config = bundle.config.replace(study_input=study_input, sentence_feedback=feedback)
    torch.manual_seed(0)
    model = ReportGenerator(config, len(bundle.vocabulary)).eval()
    image = np.random.default_rng(0).integers(0, 256, (96, 96), dtype=np.uint8)
    written = generate_with_attention(model, bundle.vocabulary, image)
    regions = model.encoder(model.encoder.backbone(torch.from_numpy(image)[None]))
    expected = word_ids(decode(model, regions).reports)[0]
    assert [[w.word for w in s] for s in written] == [bundle.vocabulary.decode(s) for s in expected]
    for word in (word for sentence in written for word in sentence):
        assert word.regions.shape == (3, 3)
        assert word.regions.min() >= 0
        assert 0 <= word.sentinel <= 1
        assert word.regions.sum() + word.sentinel == pytest.approx(1, abs=1e-5)


def test_finding_marks_have_maps_and_are_no_words_of_the_report():
    bundle = make_bundle(seed=28)
    model = bundle.build()
    image = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    plain = generate_with_attention(model, bundle.vocabulary, image)
    every = {word.word for sentence in plain for word in sentence}
    mark = plain[0][0].word
    assert every > {mark}, "the fixture's seed no longer writes two different words"
    tokens = [f"<{token}>" if token == mark else token for token in bundle.vocabulary.tokens]
    marked = Vocabulary(tokens, bundle.vocabulary.counts, 1)
    regions = model.encoder(model.encoder.backbone(torch.from_numpy(image)[None]))
    for written in (
        generate_with_attention(model, marked, image),
        write_with_maps(model, marked, [regions])[0],
    ):
        assert words_of(written) == [[w.word for w in s if w.word != mark] for s in plain]
        assert [[w.word for w in s] for s in written] == [[w.word for w in s] for s in plain]
        assert all(w.is_finding_token == (w.word == mark) for s in written for w in s)
        for one, other in zip(written, plain, strict=True):
            assert [w.sentinel for w in one] == pytest.approx([w.sentinel for w in other], abs=1e-6)
    chosen = most_visual_words(written, 9)
    assert (mark, True) in [(word.word, word.is_finding_token) for word in chosen]
