"""Words found again in readable reports, and denied against affirmed mentions by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.evaluation.attention_maps import (
    AttendedMention,
    attended_mentions,
    report_text,
    word_spans,
    write_with_maps,
)
from coherent_cxr.evaluation.attention_study import study_attention
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.figures.svg import inline_svg
from coherent_cxr.evaluation.negation import ALL, attention_by_status, home
from coherent_cxr.evaluation.page.attention import COLOURS, attended_study, tinted
from coherent_cxr.models.attention import WordAttention, write_with_attention
from coherent_cxr.reports.text import detokenize
from tiny_bundle import make_bundle

WORDS = ["heart", "is", "no", ",", "(", ")", "/", "xxxx", "effusion", "2.5", "a", "x-ray", "%", "the"]
sentences = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7), min_size=1, max_size=4)


def attention(word, corner, sentinel=0.5):
    regions = np.full((2, 2), 0.0, dtype=np.float32)
    regions[corner] = 1 - sentinel
    return WordAttention(word, regions, sentinel)


@given(sentences)
def test_every_word_is_found_where_it_stands(tokens):
    text = detokenize(tokens)
    words = [word for sentence in tokens for word in sentence]
    spans = word_spans(text, words)
    assert [text[a:b].lower() for a, b in spans] == words
    assert all(b <= c for (_, b), (c, _) in pairwise(spans))


def test_a_text_of_other_words_is_refused():
    with pytest.raises(ValueError, match="'lung' does not stand in the report"):
        word_spans("The heart.", ["the", "lung"])


def test_mentions_carry_the_attention_of_their_own_words():
    report = [
        [attention(w, (0, 0), 0.9) for w in ("no", "pleural")] + [attention("effusion", (1, 1), 0.2)],
        [attention(w, (0, 1), 0.4) for w in ("mild", "cardiomegaly")],
    ]
    found = {m.observation: m for m in attended_mentions(CheXpertLabeler(), [report])}
    assert found["Pleural Effusion"].status == 0
    assert found["Pleural Effusion"].regions[1, 1] > 0
    assert found["Cardiomegaly"].status == 1
    assert found["Cardiomegaly"].sentinel == pytest.approx(0.4)
    assert found["Cardiomegaly"].regions[0, 1] == pytest.approx(1)


def test_mentions_know_the_mark_of_their_own_sentence():
    mark = attention("Cardiomegaly", (0, 0), 0.3)._replace(is_mark=True)
    report = [
        [mark, *(attention(w, (0, 1), 0.9) for w in ("mild", "cardiomegaly"))],
        [attention(w, (1, 1), 0.8) for w in ("no", "pleural", "effusion")],
    ]
    found = {m.observation: m for m in attended_mentions(CheXpertLabeler(), [report])}
    assert found["Cardiomegaly"].mark_sentinel == pytest.approx(0.3)
    assert found["Cardiomegaly"].sentinel == pytest.approx(0.9)
    assert found["Pleural Effusion"].mark_sentinel is None
    assert report_text(report) == "Mild cardiomegaly. No pleural effusion."


def mention(study, status, regions, sentinel, mark=None):
    return AttendedMention(study, "Edema", status, sentinel, np.asarray(regions, dtype=float), mark)


def test_the_sentinel_of_marks_is_compared_where_all_mentions_have_one():
    even = [[0.25, 0.25], [0.25, 0.25]]
    mentions = [mention(n, 1, even, 0.9, 0.3) for n in range(6)] + [
        mention(n, 0, even, 0.9, 0.7) for n in range(6, 12)
    ]
    table = attention_by_status(mentions, 200, 0).set_index(["observation", "measure"])
    assert table.loc[("Edema", "mark sentinel"), "difference"] == pytest.approx(0.4)
    without = attention_by_status([*mentions, mention(12, 0, even, 0.9)], 200, 0)
    assert "mark sentinel" not in set(without["measure"])


def test_denied_against_affirmed_by_hand():
    at_home, even = [[1, 0], [0, 0]], [[0.25, 0.25], [0.25, 0.25]]
    mentions = [mention(n, 1, at_home, 0.2) for n in range(6)]
    mentions += [mention(n, 0, even, 0.8) for n in range(6, 12)]
    table = attention_by_status(mentions, 200, 0).set_index(["observation", "measure"])
    assert set(table.index.get_level_values(0)) == {"Edema", ALL}
    sentinel, used, at = (table.loc[("Edema", m)] for m in ("sentinel", "regions used", "home"))
    assert (sentinel["affirmed"], sentinel["denied"]) == pytest.approx((0.2, 0.8))
    assert (used["affirmed"], used["denied"]) == pytest.approx((0.25, 1.0))
    assert (at["affirmed"], at["denied"], at["difference"]) == pytest.approx((1.0, 0.25, -0.75))
    assert sentinel["p_value"] < 0.05
    assert sentinel["affirmed_mentions"] == 6


def test_an_observation_that_is_hardly_ever_affirmed_is_not_compared():
    mentions = [mention(0, 1, [[1, 0], [0, 0]], 0.2)]
    mentions += [mention(n, 0, [[1, 0], [0, 0]], 0.2) for n in range(1, 9)]
    assert attention_by_status(mentions, 100, 0).empty


def test_home_is_the_quarter_that_is_looked_at_most():
    regions = np.arange(16, dtype=float).reshape(4, 4)
    assert home(regions).sum() == 4
    assert home(regions)[3].all()


def test_many_studies_are_written_as_one_alone():
    bundle = make_bundle()
    model = bundle.build()
    images = np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    with torch.no_grad():
        regions = model.encoder(model.encoder.backbone(torch.from_numpy(images)), None)
    many = write_with_maps(model, bundle.vocabulary, [regions[:2], regions[2:]])
    for report, image in zip(many, images, strict=True):
        alone = write_with_attention(model, bundle.vocabulary, image)
        assert [[w.word for w in s] for s in report] == [[w.word for w in s] for s in alone]
        np.testing.assert_allclose(report[0][0].regions, alone[0][0].regions, atol=1e-5)


def test_the_most_visual_words_get_a_colour_and_a_map_of_it():
    report = [[attention(f"word{chr(97 + n)}".replace("word", "w"), (0, 0), n / 10) for n in range(8)]]
    study = attended_study("S", np.full((64, 64), 100, np.uint8), report)
    assert [m.word for m in study.maps] == ["wa", "wb", "wc", "wd", "we"]
    assert [w.colour for w in study.sentences[0]] == [0, 1, 2, 3, 4, None, None, None]
    assert study.sentences[0][3].away == 30


def test_a_tint_colours_where_the_model_looked():
    image = np.full((64, 64), 100, np.uint8)
    regions = np.array([[0.9, 0.0], [0.0, 0.0]], np.float32)
    picture = tinted(image, regions, COLOURS[0])
    assert picture.shape == (64, 64, 3)
    assert picture[0, 0, 0] > picture[0, 0, 2] + 50
    np.testing.assert_allclose(picture[-1, -1], 100, atol=2)  # the edge of the interpolation


def test_two_figures_on_a_page_share_no_id_and_describe_themselves():
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    one, other = inline_svg(figure, "one", 'a "b" <c>'), inline_svg(figure, "other", "d")
    assert 'aria-label="a &quot;b&quot; &lt;c>"' in one
    ids = [set(svg.split('id="')[1:]) for svg in (one, other)]
    assert not {i.split('"')[0] for i in ids[0]} & {i.split('"')[0] for i in ids[1]}
    assert inline_svg(figure, "one", 'a "b" <c>') == one


def test_where_no_study_may_be_shown_the_figure_shows_none():
    report = [[attention(w, (0, 0)) for w in ("the", "heart", "is", "enlarged")]]
    images = [np.full((64, 64), 100, np.uint8)]
    for samples, panels in ((0, 0), (1, 3)):
        config = EvaluationConfig(resamples=100, samples=samples)
        example = study_attention(config, CheXpertLabeler(), "full", [report], images, [1], "notice").example
        assert len(example.axes) == panels
