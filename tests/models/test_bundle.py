from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys

import pytest
import torch

from coherent_cxr.finite import NonFiniteError
from coherent_cxr.inference.decoding import decode
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.manifest import BundleError, manifest_digest, write_manifest
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled


@pytest.fixture
def bundle() -> ModelBundle:
    vocabulary = Vocabulary.from_dict(
        {
            "tokens": ["<pad>", "<bos>", "<eos>", "<unk>", "heart", "lungs", "clear", ","],
            "counts": {"heart": 5, "lungs": 4, "clear": 4, ",": 3},
            "min_count": 3,
        }
    )
    config = filled(
        GeneratorConfig, encoder="small_cnn", size=16, attention_size=8, max_sentences=3, max_words=5
    )
    torch.manual_seed(0)
    return ModelBundle(config, vocabulary, 64, ReportGenerator(config, 8).state_dict(), {"system": "mle"})


def test_saved_and_loaded_it_writes_the_same(bundle, tmp_path):
    bundle.save(tmp_path / "bundle")
    loaded = ModelBundle.load(tmp_path / "bundle")
    regions = torch.randn(2, 4, 16)
    before, after = (decode(b.build(), regions).reports for b in (bundle, loaded))
    assert torch.equal(before.words, after.words)
    assert loaded.digest == bundle.digest
    assert loaded.config == bundle.config
    assert (loaded.image_size, loaded.metadata) == (64, {"system": "mle"})


LOAD = """
import resource, sys
from pathlib import Path
from coherent_cxr.models.bundle import BundleError, ModelBundle
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    ModelBundle.load(Path(sys.argv[1]))
except BundleError as error:
    print(error)
print("compiler" if "torch._dynamo" in sys.modules else "plain")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def loaded_apart(folder):
    """Load a bundle in a fresh process; return what it said, and by how many MB its memory rose."""
    told = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)], capture_output=True, text=True, check=True
    )
    *lines, megabytes = told.stdout.split("\n")[:-1]
    return lines, int(megabytes)


@pytest.mark.slow
def test_loading_imports_no_compiler(bundle, tmp_path):
    bundle.save(tmp_path / "bundle")
    assert loaded_apart(tmp_path / "bundle")[0] == ["plain"]


def test_loading_leaves_random_numbers_alone(bundle, tmp_path):
    bundle.save(tmp_path / "bundle")
    before = torch.get_rng_state()
    ModelBundle.load(tmp_path / "bundle")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "words"), [({"size": 4096}, 0), ({"size": 1025}, 0), ({"size": 1024}, 100_000)]
)
def test_what_a_configuration_asks_for_is_not_built(bundle, tmp_path, changed, words):
    bundle.save(tmp_path / "bundle")
    path = tmp_path / "bundle" / "config.json"
    described = json.loads(path.read_text())
    described["generator"] |= changed
    path.write_text(json.dumps(described))
    path = tmp_path / "bundle" / "vocabulary.json"
    vocabulary = json.loads(path.read_text())
    more = [f"word{number}" for number in range(words)]
    vocabulary["tokens"] += more
    vocabulary["counts"] |= dict.fromkeys(more, 3)
    path.write_text(json.dumps(vocabulary))
    write_manifest(tmp_path / "bundle", ["config.json", "model.safetensors", "vocabulary.json"])
    lines, megabytes = loaded_apart(tmp_path / "bundle")
    assert "its configuration and vocabulary ask for" in lines[0]
    assert megabytes < 250


def test_the_same_bundle_gives_the_same_bytes(bundle, tmp_path):
    bundle.save(tmp_path / "a")
    ModelBundle.load(tmp_path / "a").save(tmp_path / "b")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_an_incomplete_folder_is_named(bundle, tmp_path):
    bundle.save(tmp_path)
    (tmp_path / "vocabulary.json").unlink()
    with pytest.raises(BundleError, match=r"cannot be used: 'vocabulary\.json' is missing"):
        ModelBundle.load(tmp_path)
    with pytest.raises(BundleError, match="There is no model bundle"):
        ModelBundle.load(tmp_path / "absent")


def test_a_bundle_without_a_manifest_is_refused_and_can_be_sealed(bundle, tmp_path):
    bundle.save(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(BundleError, match=r"'manifest\.json' is missing.*docs/serving\.md"):
        ModelBundle.load(tmp_path)
    write_manifest(tmp_path, ["model.safetensors", "config.json", "vocabulary.json"])
    assert ModelBundle.load(tmp_path).digest == bundle.digest


@pytest.mark.parametrize(
    ("setting", "meant"),
    [
        ("study_input", "per_image"),
        ("sentence_feedback", False),
        ("label_input", False),
        ("prior_report", False),
    ],
)
def test_a_bundle_from_before_a_setting_means_what_models_were_then(tmp_path, setting, meant):
    config = filled(GeneratorConfig, encoder="small_cnn", size=16, attention_size=8)
    vocabulary = Vocabulary.from_counts({"clear": 3}, 1)
    weights = ReportGenerator(config, len(vocabulary)).state_dict()
    ModelBundle(config, vocabulary, 64, weights, {}).save(tmp_path)
    described = json.loads((tmp_path / "config.json").read_text())
    del described["generator"][setting]
    (tmp_path / "config.json").write_text(json.dumps(described))
    write_manifest(tmp_path, ["model.safetensors", "config.json", "vocabulary.json"])
    assert getattr(ModelBundle.load(tmp_path).config, setting) == meant


def test_one_digest_stands_for_all_files(bundle, tmp_path):
    bundle.save(tmp_path / "a")
    bundle.save(tmp_path / "b")
    assert manifest_digest(tmp_path / "a") == manifest_digest(tmp_path / "b")
    dataclasses.replace(bundle, metadata={"system": "nlg"}).save(tmp_path / "b")
    assert manifest_digest(tmp_path / "a") != manifest_digest(tmp_path / "b")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_neither_saved_nor_built(bundle, tmp_path, value):
    bundle.weights["word_decoder.word.bias"][3] = value
    with pytest.raises(NonFiniteError, match=r"word_decoder\.word\.bias' are not all finite"):
        bundle.save(tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
    with pytest.raises(NonFiniteError):
        bundle.build()


def test_digest_sees_one_changed_weight(bundle):
    before = bundle.digest
    next(iter(bundle.weights.values())).view(-1)[0] += 1
    assert bundle.digest != before
