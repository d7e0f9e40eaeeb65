"""A registered model decides findings before it writes, at the operating point that was asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.models.bundle import DECIDER, ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.decider import FindingDecider, OperatingPointError
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.models.manifest import BundleError
from coherent_cxr.models.training_studies import TrainingStudies
from coherent_cxr.reports.finding_tokens import finding_tokens_of
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.serving.generator import ReportWriter
from coherent_cxr.serving.registration.decisions import with_decider
from coherent_cxr.serving.study.study import Study
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import ModelIdentity
from helpers.settings import filled
from helpers.tiny_bundle import make_bundle

ENCODER = "small_cnn"
FINDINGS = [name for name in OBSERVATIONS if name != "No Finding"]
VOCABULARY = Vocabulary.from_counts(dict.fromkeys("abcdefgh", 5), 1, finding_tokens_of(FINDINGS))


def limits(calls: dict[str, list[str]]) -> pd.DataFrame:
    """Thresholds that call these observations of any image, whatever its logits, and no others."""
    rows = [
        {
            "operating_point": point,
            "observation": name,
            "threshold": -1e9 if name in called else np.inf,
            "slope": 0.5,
            "intercept": -np.inf if name == "Pneumonia" else -1.0,
        }
        for point, called in calls.items()
        for name in OBSERVATIONS
    ]
    return pd.DataFrame(rows)


GREY = 1e-3
"""What the rounding of grey levels to whole ones may change a probability by."""
CALLS = {"balanced": ["Edema"], "sensitive": ["Edema", "Fracture", "Support Devices"], "specific": []}


@pytest.fixture(scope="module")
def pretrained() -> PretrainedEncoder:
    torch.manual_seed(0)
    return PretrainedEncoder(ENCODER, [LabelClassifier(14, Backbone(ENCODER)).state_dict()])


@pytest.fixture(scope="module")
def bundle(pretrained: PretrainedEncoder) -> ModelBundle:
    torch.manual_seed(1)
    sizes = {"size": 16, "attention_size": 8, "dropout": 0.0, "max_sentences": 6, "max_words": 5}
    config = filled(GeneratorConfig, **sizes, encoder=ENCODER, sentence_feedback=True)
    model = ReportGenerator(config, len(VOCABULARY), finding_tokens=VOCABULARY.finding_token_ids)
    model.encoder.backbone.load_state_dict(pretrained.backbone_state())
    return ModelBundle(config, VOCABULARY, 64, model.state_dict(), {"system": "full"})


@pytest.fixture(scope="module")
def decided(bundle: ModelBundle, pretrained: PretrainedEncoder) -> ModelBundle:
    return with_decider(bundle, pretrained.to_tensors(), limits(CALLS))


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)


@pytest.mark.parametrize("point", CALLS)
def test_the_report_affirms_what_the_operating_point_calls(
    decided: ModelBundle, image: NDArray[np.uint8], point: str
) -> None:
    report = ReportWriter(decided, remove_repeats=False, operating_point=point).write(image)
    marks = [sentence[0].word for sentence in report.attention if sentence[0].is_finding_token]
    assert sorted(mark for mark in marks if mark in FINDINGS) == sorted(CALLS[point])
    assert report.findings is not None
    called = [name for name, flag in report.findings.items() if flag]
    assert called == sorted(CALLS[point] or ["No Finding"], key=OBSERVATIONS.index)
    assert report.as_dict()["operating_point"] == point


def test_each_sentence_says_which_finding_it_was_written_for_and_how_likely_that_is(
    bundle: ModelBundle, decided: ModelBundle, image: NDArray[np.uint8]
) -> None:
    report = ReportWriter(decided, remove_repeats=False, operating_point="sensitive").write(image)
    assert report.probabilities is not None
    for sentence, behind in zip(report.attention, report.sentence_findings, strict=True):
        said = sentence[0].word if sentence[0].is_finding_token else None
        assert behind.finding == (said if said in FINDINGS else None)
        assert behind.probability == (report.probabilities[said] if behind.finding else None)
    assert {behind.finding for behind in report.sentence_findings} >= set(CALLS["sensitive"])
    assert len(report.sentence_findings) == len(report.sentences)
    without = ReportWriter(bundle).write(image).sentence_findings
    assert {behind.probability for behind in without} == {None}


def test_without_an_operating_point_the_words_decide(
    bundle: ModelBundle, decided: ModelBundle, image: NDArray[np.uint8]
) -> None:
    report = ReportWriter(decided).write(image)
    assert report.text == ReportWriter(bundle).write(image).text
    assert report.findings is None
    assert report.operating_point is None


def test_scores_are_those_of_the_classifier(
    decided: ModelBundle, pretrained: PretrainedEncoder, image: NDArray[np.uint8]
) -> None:
    (classifier,) = pretrained.classifiers()
    pixels = torch.from_numpy(image).unsqueeze(0)
    with torch.no_grad():
        wanted, features = classifier(pixels)[0], classifier.backbone(pixels)
    assert decided.decider is not None
    torch.testing.assert_close(decided.decider.logits(classifier.backbone, pixels, features)[0], wanted)
    told = ReportWriter(decided).write(image).probabilities
    assert told is not None
    assert told["Pneumonia"] == 0
    edema = OBSERVATIONS.index("Edema")
    assert told["Edema"] == pytest.approx(float(torch.sigmoid(0.5 * wanted[edema] - 1)), abs=GREY)


def test_a_saved_bundle_brings_its_decisions(decided: ModelBundle, tmp_path: Path) -> None:
    decided.save(tmp_path / "bundle")
    loaded = ModelBundle.load(tmp_path / "bundle")
    assert loaded.decider is not None
    assert loaded.decider.thresholds.keys() == CALLS.keys()
    for point in CALLS:
        assert torch.equal(loaded.decider.thresholds[point], decided.decider.thresholds[point])


def test_findings_in_the_band_are_uncertain_and_older_bundles_have_no_band(
    decided: ModelBundle, image: NDArray[np.uint8], tmp_path: Path
) -> None:
    identity = ModelIdentity("m", None, "0")
    study = Study.of([image], "S1")
    plain = StudyWriter(decided, identity).write(study)
    assert (plain.uncertain, plain.nearest) == ((), ())
    own = plain.report.probabilities
    assert own is not None
    none, around = (1.0, 0.0), (own["Edema"] - 0.01, own["Edema"] + 0.01)
    band = torch.tensor([around if name == "Edema" else none for name in OBSERVATIONS])
    everything = torch.tensor([(0.0, 1.0)] * len(OBSERVATIONS))
    assert decided.decider is not None
    decider = dataclasses.replace(decided.decider, bands={"balanced": band, "specific": everything})
    known = TrainingStudies(("T1",), np.ones((1, 64), np.float16))
    dataclasses.replace(decided, decider=decider, training_studies=known).save(tmp_path / "bundle")
    loaded = ModelBundle.load(tmp_path / "bundle")
    told = StudyWriter(loaded, identity).write(study)
    assert told.uncertain == ("Edema",)
    assert [near.study_id for near in told.nearest] == ["T1"]
    assert len(StudyWriter(loaded, identity, operating_point="specific").write(study).uncertain) == 14
    assert StudyWriter(loaded, identity, operating_point="sensitive").write(study).uncertain == ()


def test_a_model_without_decisions_refuses_an_operating_point(
    bundle: ModelBundle, decided: ModelBundle
) -> None:
    with pytest.raises(OperatingPointError, match="brings no decisions"):
        ReportWriter(bundle, operating_point="balanced")
    plain = dataclasses.replace(make_bundle(), decider=decided.decider)
    with pytest.raises(OperatingPointError, match="without finding tokens"):
        ReportWriter(plain, operating_point="balanced")


def test_an_unknown_operating_point_is_refused_with_those_that_there_are(
    decided: ModelBundle, image: NDArray[np.uint8]
) -> None:
    with pytest.raises(OperatingPointError, match="balanced, sensitive, specific"):
        ReportWriter(decided, operating_point="optimistic").write(image)


def test_an_encoder_that_was_trained_on_takes_no_decisions_of_the_one_before(
    bundle: ModelBundle, pretrained: PretrainedEncoder
) -> None:
    name = next(name for name in bundle.weights if name.startswith("encoder.backbone.features"))
    weights = {**bundle.weights, name: bundle.weights[name] + 0.01}
    changed = dataclasses.replace(bundle, weights=weights)
    assert with_decider(changed, pretrained.to_tensors(), limits(CALLS)).decider is None


@pytest.fixture(scope="module")
def ensemble(pretrained: PretrainedEncoder) -> PretrainedEncoder:
    torch.manual_seed(2)
    with_terms = LabelClassifier(17, Backbone(ENCODER)).state_dict()  # three of MeSH terms
    return PretrainedEncoder(ENCODER, [pretrained.members[0], with_terms])


@pytest.mark.parametrize("shifts", [0, 2])
def test_all_encoders_and_shifted_copies_have_a_say(
    bundle: ModelBundle, ensemble: PretrainedEncoder, image: NDArray[np.uint8], tmp_path: Path, shifts: int
) -> None:
    with_decider(bundle, ensemble.to_tensors(), limits(CALLS), shifts).save(tmp_path / "bundle")
    loaded = ModelBundle.load(tmp_path / "bundle")
    told = ReportWriter(loaded, operating_point="sensitive").write(image).probabilities
    right, left = np.zeros_like(image), np.zeros_like(image)
    right[:, 3:], left[:, :-3] = image[:, :-3], image[:, 3:]  # 4 % of 64 pixels
    copies = torch.from_numpy(np.stack([image, left, right][: 1 + shifts]))
    with torch.no_grad():
        scores = [classifier(copies)[:, :14] for classifier in ensemble.classifiers()]
    wanted = torch.sigmoid(0.5 * torch.cat(scores).mean(dim=0) - 1)
    assert told is not None
    for place, name in enumerate(OBSERVATIONS):
        if name != "Pneumonia":
            assert told[name] == pytest.approx(float(wanted[place]), abs=GREY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({f"others.{ENCODER}/0/head.bias": torch.zeros(3)}, "does not fit the encoder"),
        ({f"others.{ENCODER}/1/head.bias": torch.zeros(14)}, "does not fit the encoder"),
        ({f"others.{ENCODER}/0/head.bias": torch.full((14,), float("nan"))}, "not all finite"),
        ({"others.nonsense": torch.zeros(1)}, "no weight of a pretrained encoder"),
        ({"others.alexnet/0/head.bias": torch.zeros(14)}, "one architecture"),
        ({"shifts": torch.tensor(10**9)}, "number of shifts"),
        ({"shifts": torch.tensor([1, 2])}, "number of shifts"),
    ],
)
def test_damaged_further_classifiers_are_refused(
    bundle: ModelBundle, ensemble: PretrainedEncoder, change: dict[str, torch.Tensor], message: str
) -> None:
    decider = with_decider(bundle, ensemble.to_tensors(), limits(CALLS)).decider
    assert decider is not None
    with pytest.raises(ValueError, match=message):
        FindingDecider.from_tensors({**decider.tensors(), **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": torch.full((14, 64), float("nan"))}, "label classifier"),
        ({"weight": torch.zeros(14, 5)}, "reads 5 channels"),
        ({"bias": torch.zeros(3)}, "does not fit 14 observations"),
        ({"intercept": torch.full((14,), float("nan"))}, "not a number"),
        ({"slope": torch.full((14,), float("inf"))}, "label classifier"),
        ({"thresholds.balanced": torch.full((14,), float("nan"))}, "not a number"),
        ({"thresholds.balanced": torch.full((14,), float("-inf"))}, "not a number"),
        ({"bands.balanced": torch.zeros(14)}, "no probabilities"),
        ({"bands.balanced": torch.full((14, 2), float("nan"))}, "no probabilities"),
    ],
)
def test_damaged_decisions_are_refused_at_load(
    decided: ModelBundle, tmp_path: Path, change: dict[str, torch.Tensor], message: str
) -> None:
    assert decided.decider is not None
    tensors = {**decided.decider.tensors(), **change}
    limits = {k.removeprefix("thresholds."): v for k, v in tensors.items() if k.startswith("thresholds.")}
    own = {name: tensors[name] for name in ("weight", "bias", "slope", "intercept")}
    bands = {k.removeprefix("bands."): v for k, v in tensors.items() if k.startswith("bands.")}
    broken = FindingDecider(**own, thresholds=limits, bands=bands)
    dataclasses.replace(decided, decider=broken).save(tmp_path / "bundle")
    assert (tmp_path / "bundle" / DECIDER).is_file()
    with pytest.raises(BundleError, match=message):
        ModelBundle.load(tmp_path / "bundle")
