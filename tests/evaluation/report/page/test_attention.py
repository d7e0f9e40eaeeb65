"""Words found again in readable reports, and denied against affirmed mentions by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.evaluation.attention.maps import (
    AttendedMention,
    attended_mentions,
    report_text,
    word_spans,
    write_with_maps,
)
from coherent_cxr.evaluation.attention.negation import (
    ALL,
    attention_by_status,
    region_of_interest,
    shares_in_region,
)
from coherent_cxr.evaluation.attention.study import study_attention
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.report.figures.svg import inline_svg
from coherent_cxr.evaluation.report.page.attention import attended_study, scale_of, tinted
from coherent_cxr.inference.attention import generate_with_attention
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.word_attention import WordAttention
from helpers.settings import filled
from helpers.tiny_bundle import make_bundle

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
    mark = attention("Cardiomegaly", (0, 0), 0.3)._replace(is_finding_token=True)
    report = [
        [mark, *(attention(w, (0, 1), 0.9) for w in ("mild", "cardiomegaly"))],
        [attention(w, (1, 1), 0.8) for w in ("no", "pleural", "effusion")],
    ]
    found = {m.observation: m for m in attended_mentions(CheXpertLabeler(), [report])}
    assert found["Cardiomegaly"].finding_token_sentinel == pytest.approx(0.3)
    assert found["Cardiomegaly"].sentinel == pytest.approx(0.9)
    assert found["Pleural Effusion"].finding_token_sentinel is None
    assert report_text(report) == "Mild cardiomegaly. No pleural effusion."


PATIENTS = [f"P{n}" for n in range(20)]


def mention(study, status, regions, sentinel, mark=None):
    return AttendedMention(study, "Edema", status, sentinel, np.asarray(regions, dtype=float), mark)


def test_the_sentinel_of_marks_is_compared_where_all_mentions_have_one():
    even = [[0.25, 0.25], [0.25, 0.25]]
    mentions = [mention(n, 1, even, 0.9, 0.3) for n in range(6)] + [
        mention(n, 0, even, 0.9, 0.7) for n in range(6, 12)
    ]
    table = attention_by_status(mentions, PATIENTS, 200, 0).set_index(["observation", "measure"])
    assert table.loc[("Edema", "finding token sentinel"), "difference"] == pytest.approx(0.4)
    without = attention_by_status([*mentions, mention(12, 0, even, 0.9)], PATIENTS, 200, 0)
    assert "finding token sentinel" not in set(without["measure"])


def test_denied_against_affirmed_by_hand():
    at_home, even = [[1, 0], [0, 0]], [[0.25, 0.25], [0.25, 0.25]]
    mentions = [mention(n, 1, at_home, 0.2) for n in range(6)]
    mentions += [mention(n, 0, even, 0.8) for n in range(6, 12)]
    table = attention_by_status(mentions, PATIENTS, 200, 0).set_index(["observation", "measure"])
    assert set(table.index.get_level_values(0)) == {"Edema", ALL}
    sentinel, used, at = (table.loc[("Edema", m)] for m in ("sentinel", "regions used", "region of interest"))
    assert (sentinel["affirmed"], sentinel["denied"]) == pytest.approx((0.2, 0.8))
    assert (used["affirmed"], used["denied"]) == pytest.approx((0.25, 1.0))
    assert (at["affirmed"], at["denied"], at["difference"]) == pytest.approx((1.0, 0.25, -0.75))
    assert sentinel["p_value"] < 0.05
    assert sentinel["affirmed_mentions"] == 6
    assert sentinel["adjusted_p_value"] == sentinel["p_value"]  # one observation


def test_the_region_of_interest_of_pure_noise_holds_no_more_than_its_share():
    # each map is one random cell of 64: a region taken from the maps it then scores holds far more of them
    dice = np.random.default_rng(0)

    def noise():
        regions = np.zeros(64)
        regions[dice.integers(64)] = 1
        return regions.reshape(8, 8)

    mentions = [mention(n, n % 2, noise(), 0.5) for n in range(400)]
    patients = [f"P{n}" for n in range(400)]
    affirmed = [m for m in mentions if m.status == 1]
    own = region_of_interest(np.mean([m.regions for m in affirmed], axis=0))
    biased = np.mean([m.regions[own].sum() for m in affirmed])
    crossed = shares_in_region(mentions, patients, 0)[[m.status == 1 for m in mentions]].mean()
    assert biased > 0.4
    assert crossed == pytest.approx(0.25, abs=0.06)


def test_the_region_comes_from_the_other_half_of_the_patients_by_hand():
    corners = [[[1, 0], [0, 0]], [[0, 0], [0, 1]]]
    # patient A affirms top left, patient B bottom right; each is scored in the other's region
    mentions = [
        mention(0, 1, corners[0], 0.5),
        mention(1, 1, corners[1], 0.5),
        mention(2, 0, corners[0], 0.5),
    ]
    shares = shares_in_region(mentions, ["A", "B", "A"], 0)
    assert shares.tolist() == [0, 0, 0]
    # all affirmed mentions are of one patient: there is no other half to take a region from
    alone = shares_in_region(mentions, ["A", "A", "A"], 0)
    assert np.isnan(alone).all()
    table = attention_by_status(mentions * 5, ["A", "A", "A"], 100, 0)
    assert "region of interest" not in set(table["measure"])


def test_patients_are_resampled_not_studies():
    even = [[0.25, 0.25], [0.25, 0.25]]
    sentinels = np.random.default_rng(1).random(40)
    mentions = [mention(n, n % 2, even, s) for n, s in enumerate(sentinels)]
    twice = [*mentions, *(m._replace(study=m.study + 40) for m in mentions)]
    of_studies, of_patients = (
        attention_by_status(twice, patients, 2000, 0).iloc[0]
        for patients in ([str(n) for n in range(80)], [str(n % 40) for n in range(80)])
    )
    narrower = (of_studies["high"] - of_studies["low"]) / (of_patients["high"] - of_patients["low"])
    assert narrower == pytest.approx(2**-0.5, abs=0.08)


def test_p_values_are_adjusted_for_the_number_of_observations():
    even = [[0.25, 0.25], [0.25, 0.25]]
    own = [mention(n, n % 2, even, 0.9 if n % 2 else 0.1) for n in range(12)]
    mentions = [m._replace(observation=name) for name in ("Edema", "Fracture") for m in own]
    table = attention_by_status(mentions, PATIENTS, 200, 0).set_index(["observation", "measure"])
    row, whole = table.loc[("Edema", "sentinel")], table.loc[(ALL, "sentinel")]
    assert row["adjusted_p_value"] == pytest.approx(2 * row["p_value"])
    assert whole["adjusted_p_value"] == whole["p_value"]


def test_an_observation_that_is_hardly_ever_affirmed_is_not_compared():
    mentions = [mention(0, 1, [[1, 0], [0, 0]], 0.2)]
    mentions += [mention(n, 0, [[1, 0], [0, 0]], 0.2) for n in range(1, 9)]
    assert attention_by_status(mentions, PATIENTS, 100, 0).empty


def test_the_region_of_interest_is_the_quarter_that_is_looked_at_most():
    regions = np.arange(16, dtype=float).reshape(4, 4)
    assert region_of_interest(regions).sum() == 4
    assert region_of_interest(regions)[3].all()


def test_many_studies_are_written_as_one_alone():
    bundle = make_bundle()
    model = bundle.build()
    images = np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    with torch.no_grad():
        regions = model.encoder(model.encoder.backbone(torch.from_numpy(images)), None)
    many = write_with_maps(model, bundle.vocabulary, [regions[:2], regions[2:]])
    for report, image in zip(many, images, strict=True):
        alone = generate_with_attention(model, bundle.vocabulary, image)
        assert [[w.word for w in s] for s in report] == [[w.word for w in s] for s in alone]
        np.testing.assert_allclose(report[0][0].regions, alone[0][0].regions, atol=1e-5)


def test_the_most_visual_words_get_a_number_and_a_map_of_it():
    report = [[attention(f"word{chr(97 + n)}".replace("word", "w"), (0, 0), n / 10) for n in range(8)]]
    study = attended_study("S", np.full((64, 64), 100, np.uint8), report, scale_of({0: report}))
    assert [m.word for m in study.maps] == ["wa", "wb", "wc", "wd", "we"]
    assert [w.number for w in study.sentences[0]] == [1, 2, 3, 4, 5, None, None, None]
    assert study.sentences[0][3].away == 30


def test_a_map_has_its_cells_as_they_are_and_leaves_the_rest_of_the_radiograph():
    image = np.full((64, 64), 100, np.uint8)
    regions = np.array([[0.9, 0.0], [0.0, 0.0]], np.float32)
    picture = tinted(image, regions, 0.9, 64)
    assert picture.shape == (64, 64, 3)
    # the end of the ramp (153, 52, 4) covers 70 %, with no blur between cells
    assert picture[0, 0].tolist() == picture[31, 31].tolist() == [137, 66, 33]
    np.testing.assert_array_equal(picture[32:], 100)
    np.testing.assert_array_equal(picture[:, 32:], 100)


def test_on_one_scale_a_map_that_is_nearly_all_sentinel_looks_empty():
    image = np.full((64, 64), 100, np.uint8)
    report = [[attention("heart", (0, 0), 0.12), attention("lungs", (0, 1), 0.99)]]
    top = scale_of({0: report})
    assert top == pytest.approx(0.88)
    full, empty = (tinted(image, word.regions, top, 64).astype(int) for word in report[0])
    assert abs(full - 100).max() > 30
    assert abs(empty - 100).max() <= 2
    assert scale_of({0: [[attention("lungs", (0, 1), 0.99)]]}) == pytest.approx(0.05)  # alone, too


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
    for samples, panels in ((0, 0), (1, 4)):  # the image, two words, the scale
        config = filled(EvaluationConfig, resamples=100, samples=samples)
        example = study_attention(
            config, CheXpertLabeler(), "full", [report], images, [1], ["P"], "notice"
        ).example
        assert len(example.axes) == panels
