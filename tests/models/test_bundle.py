from __future__ import annotations

import pytest
import torch

from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.decoding import decode
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.vocabulary import Vocabulary


@pytest.fixture
def bundle() -> ModelBundle:
    vocabulary = Vocabulary.from_dict(
        {
            "tokens": ["<pad>", "<bos>", "<eos>", "<unk>", "heart", "lungs", "clear", ","],
            "counts": {"heart": 5, "lungs": 4, "clear": 4, ",": 3},
            "min_count": 3,
        }
    )
    config = GeneratorConfig(size=16, attention_size=8, max_sentences=3, max_words=5)
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


def test_the_same_bundle_gives_the_same_bytes(bundle, tmp_path):
    bundle.save(tmp_path / "a")
    ModelBundle.load(tmp_path / "a").save(tmp_path / "b")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_an_incomplete_folder_is_named(bundle, tmp_path):
    bundle.save(tmp_path)
    (tmp_path / "vocabulary.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"not a model bundle: 'vocabulary\.json' is missing"):
        ModelBundle.load(tmp_path)


def test_digest_sees_one_changed_weight(bundle):
    before = bundle.digest
    next(iter(bundle.weights.values())).view(-1)[0] += 1
    assert bundle.digest != before
