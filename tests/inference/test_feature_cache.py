from __future__ import annotations

import math
import os
import re
import shutil
import threading

import numpy as np
import pytest
import torch

from coherent_cxr.inference import feature_cache
from coherent_cxr.inference.feature_cache import cached_features
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.runtime import pace
from coherent_cxr.runtime.distributed import run_in_ranks
from coherent_cxr.storage.exclusive import sole_holder
from helpers import ranks_work

CPU = torch.device("cpu")


@pytest.fixture
def backbone(corpus) -> Backbone:
    return corpus.encoder.backbone()


@pytest.fixture
def features(corpus, backbone, tmp_path):
    """Compute features in batches of eight."""
    return lambda: cached_features(backbone, corpus.store, tmp_path, "fp32", CPU, 8)


@pytest.fixture
def passes(monkeypatch) -> list[int]:
    """Images of every forward pass."""
    seen: list[int] = []
    forward = Backbone.forward

    def watched(self, images):
        seen.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(Backbone, "forward", watched)
    return seen


def left_in(folder) -> list[str]:
    return sorted(re.sub("[0-9a-f]{16,}", "KEY", path.name) for path in folder.iterdir())


def test_they_are_computed_once(corpus, features, passes, tmp_path):
    first = features()
    assert first.shape == (36, 4, 64)
    assert passes == [8, 8, 8, 8, 4]
    assert np.array_equal(features(), first)
    assert len(passes) == 5
    assert left_in(tmp_path) == ["features-KEY.lock", "features-KEY.npy"]


def test_another_number_format_or_other_weights_have_features_of_their_own(corpus, backbone, tmp_path):
    def names() -> set[str]:
        return {path.name for path in tmp_path.glob("*.npy")}

    cached_features(backbone, corpus.store, tmp_path, "fp32", CPU)
    one = names()
    cached_features(backbone, corpus.store, tmp_path, "bf16", CPU)
    two = names()
    with torch.no_grad():
        backbone.mean += 0.1
    cached_features(backbone, corpus.store, tmp_path, "fp32", CPU)
    assert len(one) < len(two) < len(names())


def test_runs_at_the_same_time_compute_them_once(features, passes, tmp_path):
    results: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: results.append(features())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passes) == 5
    assert len(results) == 3
    assert all(np.array_equal(result, results[0]) for result in results)


@pytest.mark.slow
@pytest.mark.usefixtures("forked_ranks")
def test_only_the_first_rank_computes_them(corpus, backbone, tmp_path):
    arguments = backbone, corpus.store, tmp_path / "2", "fp32", CPU
    together, passes = run_in_ranks(ranks_work.features_and_passes, 2, *arguments)
    assert passes[0] > 0
    assert passes[1:] == [0]
    assert left_in(tmp_path / "2") == ["features-KEY.lock", "features-KEY.npy"]
    alone = cached_features(backbone, corpus.store, tmp_path / "1", "fp32", CPU)
    np.testing.assert_allclose(together, alone, rtol=1e-2, atol=1e-3)


def test_an_interrupted_computation_is_continued_with_the_same_bytes(features, passes, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_cache, "SECONDS_LOST", 0.0)
    monkeypatch.setattr(pace, "LARGEST_SHARE", math.inf)  # note every batch, whatever it costs
    with monkeypatch.context() as patched:
        forward = Backbone.forward  # counts its calls

        def dying(self, images):
            if len(passes) == 3:
                raise KeyboardInterrupt
            return forward(self, images)

        patched.setattr(Backbone, "forward", dying)
        with pytest.raises(KeyboardInterrupt):
            features()
    assert left_in(tmp_path) == [
        "features-KEY.lock",
        "features-KEY.writing.done",
        "features-KEY.writing.npy",
    ]
    passes.clear()
    continued = np.array(features())
    assert passes == [8, 4]  # three batches of eight were done
    assert left_in(tmp_path) == ["features-KEY.lock", "features-KEY.npy"]
    next(tmp_path.glob("features-*.npy")).unlink()
    assert np.array_equal(features(), continued)


def test_a_half_written_file_of_a_living_process_is_never_touched(corpus, features, passes, tmp_path):
    features()
    (whole,) = tmp_path.glob("*.npy")
    half = whole.with_suffix(".writing.npy")
    whole.replace(half)
    half.with_suffix(".done").write_text("8")
    passes.clear()
    finished = threading.Event()

    def second() -> None:
        features()
        finished.set()

    with sole_holder(whole.with_suffix(".lock"), "the first"):  # it is still at it
        thread = threading.Thread(target=second)
        thread.start()
        assert not finished.wait(0.5)
        assert passes == []
        assert half.exists()
    thread.join()
    assert passes == [8, 8, 8, 4]  # what the first had not done


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write every file")
def test_a_half_written_file_of_another_user_is_left_alone(features, tmp_path):
    features()
    (whole,) = tmp_path.glob("*.npy")
    half = whole.with_suffix(".writing.npy")
    whole.replace(half)
    half.chmod(0o444)
    features()
    assert half.exists()


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00v\x00{'descr': '<f2'"])
def test_a_damaged_file_is_computed_again(features, passes, tmp_path, content):
    right = np.array(features())
    (path,) = tmp_path.glob("*.npy")
    path.write_bytes(content or path.read_bytes()[:-1])
    assert np.array_equal(features(), right)
    assert len(passes) == 10


def test_a_disk_that_is_too_small_is_a_sentence_before_any_work(features, passes, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 100))
    with pytest.raises(OSError, match=r"The features of 36 images need 1\.84e-05 GB .*checkpoint_folder"):
        features()
    assert passes == []
    assert not list(tmp_path.glob("*.npy"))
    monkeypatch.undo()
    features()


def test_features_that_are_no_numbers_are_refused_with_the_image(corpus, tmp_path):
    backbone = Backbone("small_cnn").eval()
    with torch.no_grad():
        backbone.features.layer4[1].bias.fill_(1e6)  # beyond half precision
    with pytest.raises(ValueError, match=r"image .s00-frontal. features that are no finite"):
        cached_features(backbone, corpus.store, tmp_path, "fp32", CPU)
    assert not list(tmp_path.glob("features-????????????????.npy"))
