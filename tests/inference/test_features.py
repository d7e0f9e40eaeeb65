from __future__ import annotations

import numpy as np
import pytest
import torch

from coherent_cxr.inference.features import feature_provider
from coherent_cxr.inference.samples import rows_to_read
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from helpers.settings import filled
from helpers.training_corpus import ENCODER

CPU = torch.device("cpu")


@pytest.fixture
def model(corpus, request):
    torch.manual_seed(0)
    model = ReportGenerator(
        filled(GeneratorConfig, encoder=ENCODER, size=16, study_input=request.param), len(corpus.vocabulary)
    )
    model.encoder.backbone.load_state_dict(corpus.encoder.backbone_state())
    return model.eval()


@pytest.mark.parametrize("model", ["per_image", "per_study"], indirect=True)
def test_cached_features_give_the_regions_of_the_images(corpus, model, tmp_path):
    rows = np.array([[1, 2], [0, 0], [4, 4]]) if model.encoder.view else np.array([3, 0, 7])
    frozen, trained = (
        feature_provider(model, corpus.store, mode, tmp_path, "fp32", CPU)(rows)
        for mode in ("frozen", "trainable")
    )
    assert frozen.shape == (3, 8 if model.encoder.view else 4, 16)
    torch.testing.assert_close(frozen, trained, rtol=2e-3, atol=2e-3)  # features are kept as float16


@pytest.mark.parametrize("model", ["per_study"], indirect=True)
def test_a_study_with_one_view_reads_it_in_both_places_and_alone_or_in_a_batch(corpus, model, tmp_path):
    regions_of = feature_provider(model, corpus.store, "frozen", tmp_path, "fp32", CPU)
    config = model.config
    studies = ["s00", "s01", "s02", "s03"]
    together = regions_of(np.concatenate([rows_to_read(corpus.store, s, config) for s in studies]))
    for i, study in enumerate(studies):
        alone = regions_of(rows_to_read(corpus.store, study, config))
        torch.testing.assert_close(alone[0], together[i])
    first, second = together[0].chunk(2)
    assert torch.equal(first, second)  # only a frontal image
    frontal, lateral = together[1].chunk(2)
    assert not torch.allclose(frontal, lateral)
    # A single image, as serving gives it, stands in both places as well.
    row = rows_to_read(corpus.store, "s00", config)[0, :1]
    served = model.encoder(model.encoder.backbone(torch.from_numpy(corpus.store.pixels[row])))
    torch.testing.assert_close(served[0], together[0], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("model", ["per_study"], indirect=True)
def test_views_are_told_apart(corpus, model, tmp_path):
    regions_of = feature_provider(model, corpus.store, "frozen", tmp_path, "fp32", CPU)
    with torch.no_grad():
        model.encoder.view.weight[1] += 1.0
    moved = regions_of(np.array([[2, 1]]))  # frontal and lateral image of s01
    with torch.no_grad():
        model.encoder.view.weight[1] -= 1.0
    frontal, lateral = (moved - regions_of(np.array([[2, 1]])))[0].chunk(2)
    assert frontal.abs().max() == 0
    torch.testing.assert_close(lateral, torch.ones_like(lateral))


@pytest.mark.parametrize("model", ["with_prior"], indirect=True)
def test_a_prior_changes_the_regions_and_its_absence_reads_no_second_image(corpus, model, tmp_path):
    frozen, trained = (
        feature_provider(model, corpus.store, mode, tmp_path, "fp32", CPU) for mode in ("frozen", "trainable")
    )
    rows = np.array([[4, 3, 36], [4, -1, -1], [4, 3, 24 * 400], [4, 0, 36]])
    together = frozen(rows)
    assert together.shape == (4, 4, 16)
    torch.testing.assert_close(together, trained(rows), rtol=2e-3, atol=2e-3)
    for place in range(4):
        torch.testing.assert_close(frozen(rows[[place]])[0], together[place])
    earlier = together[2] - together[0]  # only the time embedding differs
    torch.testing.assert_close(earlier, earlier[:1].expand_as(earlier))
    assert earlier.abs().max() > 0.1
    assert not torch.allclose(together[0], together[3])
    # an image alone, as serving gives it, is one without a prior
    served = model.encoder(model.encoder.backbone(torch.from_numpy(corpus.store.pixels[[4]])))
    torch.testing.assert_close(served[0], together[1], rtol=2e-3, atol=2e-3)


def test_the_report_read_is_that_of_the_prior_alone(corpus, tmp_path):
    torch.manual_seed(0)
    config = filled(GeneratorConfig, encoder=ENCODER, size=16, study_input="with_prior", prior_report=True)
    model = ReportGenerator(config, len(corpus.vocabulary)).eval()
    index = corpus.store.index.set_index("row")["study_id"]
    rows = np.array([[4, 0, 36], [4, -1, -1]])
    study, prior = index[4], index[0]

    def regions_of(**reports):
        told = {name: corpus.vocabulary.encode(text.split()) for name, text in reports.items()}
        encoded = {name: [sentence] for name, sentence in told.items()}
        provider = feature_provider(model, corpus.store, "frozen", tmp_path, "fp32", CPU, encoded)
        return provider(rows)

    right = regions_of(**{prior: "the heart is enlarged"})
    own = regions_of(**{prior: "the heart is enlarged", study: "the lungs are clear", "s09": "no edema"})
    wrong, none = regions_of(**{prior: "the lungs are clear"}), regions_of()
    assert torch.equal(own, right)  # neither a study's own report nor a stranger's
    assert torch.equal(wrong[1], right[1])  # without a prior no report
    assert not torch.allclose(wrong[0], right[0])
    assert not torch.allclose(none[0], right[0])
