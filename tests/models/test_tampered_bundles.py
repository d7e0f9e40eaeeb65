"""A bundle that is not the one that was saved is refused in a sentence, whatever happened to it."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from coherent_cxr.models.bundle import CONFIG, VOCABULARY, WEIGHTS, ModelBundle
from coherent_cxr.models.manifest import MANIFEST, BundleError, write_manifest
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.tiny_bundle import ENCODER, WORDS, make_bundle

SEEDS = range(30)
FILES = (WEIGHTS, CONFIG, VOCABULARY, MANIFEST)
Tamper = Callable[[Path, random.Random], str]
KINDS: list[Tamper] = []


def kind(tamper: Tamper) -> Tamper:
    """A way to change one file of a bundle; it returns the file's name."""
    KINDS.append(tamper)
    return tamper


@kind
def swap_two_words(folder: Path, chance: random.Random) -> str:
    path = folder / VOCABULARY
    described = json.loads(path.read_text())
    one, other = chance.sample(range(4, len(described["tokens"])), 2)
    tokens = described["tokens"]
    tokens[one], tokens[other] = tokens[other], tokens[one]
    path.write_text(json.dumps(described, ensure_ascii=False) + "\n")
    return VOCABULARY


@kind
def flip_a_bit(folder: Path, chance: random.Random) -> str:
    path = folder / chance.choice(FILES)
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(data))
    return path.name


@kind
def remove_a_file(folder: Path, chance: random.Random) -> str:
    name = chance.choice(FILES)
    (folder / name).unlink()
    return name


@kind
def cut_a_file(folder: Path, chance: random.Random) -> str:
    path = folder / chance.choice(FILES)
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])
    return path.name


@kind
def change_a_setting(folder: Path, chance: random.Random) -> str:
    path = folder / CONFIG
    described = json.loads(path.read_text())
    key = chance.choice(sorted(described["generator"]))
    described["generator"][key] = chance.choice([0, -1, 1, 7, 10**6, 0.5, None, "x", True, "per_study"])
    path.write_text(json.dumps(described))
    return CONFIG


@kind
def take_a_file_of_another_bundle(folder: Path, chance: random.Random) -> str:
    tokens = json.loads((folder / VOCABULARY).read_text())["tokens"]
    other = Vocabulary(tokens, {"heart": chance.randrange(10, 1000)}, chance.randrange(1, 9))
    (folder / VOCABULARY).write_text(json.dumps(other.to_dict(), ensure_ascii=False) + "\n")
    return VOCABULARY


@kind
def name_other_files_in_the_manifest(folder: Path, chance: random.Random) -> str:
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    name = chance.choice([WEIGHTS, CONFIG, VOCABULARY])
    foreign = chance.choice(["../other/" + name, "/etc/passwd", "model.pt"])
    manifest["files"][foreign] = manifest["files"].pop(name)
    path.write_text(json.dumps(manifest))
    return MANIFEST


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "bundle"
    make_bundle().save(folder)
    shutil.copytree(folder, folder.with_name("copy"))
    return folder


@pytest.mark.parametrize("tamper", KINDS)
def test_no_tampered_bundle_is_loaded(saved: Path, tamper: Tamper) -> None:
    changed = 0
    for seed in SEEDS:
        good = {name: (saved / name).read_bytes() for name in FILES if name != WEIGHTS}
        name = tamper(saved, random.Random(seed))
        try:
            if name != WEIGHTS and (saved / name).exists() and (saved / name).read_bytes() == good[name]:
                continue
            changed += 1
            with pytest.raises(BundleError) as refused:
                ModelBundle.load(saved)
            assert str(saved) in str(refused.value)
            assert len(str(refused.value)) < 1000
        finally:
            if name == WEIGHTS:
                shutil.copy(saved.with_name("copy") / WEIGHTS, saved / WEIGHTS)
            else:
                (saved / name).write_bytes(good[name])
    assert changed > len(SEEDS) // 2


def _resealed(saved: Path, tmp_path: Path, name: str, content: bytes) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    for other in {WEIGHTS, CONFIG, VOCABULARY} - {name}:
        (folder / other).symlink_to(saved / other)
    (folder / name).write_bytes(content)
    write_manifest(folder, (WEIGHTS, CONFIG, VOCABULARY))
    return folder


SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]


def _config(**changes: Any) -> bytes:
    described = {
        "generator": {
            "size": 16, "attention_size": 8, "dropout": 0.0, "max_sentences": 3, "max_words": 5,
            "encoder": ENCODER, "study_input": "per_image", "sentence_feedback": False,
            **changes.pop("generator", {}),
        },
        "image_size": 64,
        "metadata": {},
        **changes,
    }  # fmt: skip
    return json.dumps(described).encode()


def _vocabulary(**changes: Any) -> bytes:
    return json.dumps({"tokens": [*SPECIAL, *WORDS], "counts": {}, "min_count": 1, **changes}).encode()


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (CONFIG, _config(generator={"max_sentences": 10**6}), r"max_sentences' is 1000000.*at most 100"),
        (CONFIG, _config(generator={"max_words": 10**9}), r"max_words' is 1000000000.*at most 200"),
        (CONFIG, _config(generator={"size": 10**5}), r"size' is 100000.*at most 4096"),
        (CONFIG, _config(generator={"size": 32}), r"its weights '.*' are .*ask for"),
        (CONFIG, _config(generator={"sentence_feedback": True}), "feedback.*missing"),
        (CONFIG, _config(generator={"dropout": "0.5; rm"}), "dropout"),
        (CONFIG, _config(generator={"beams": 3}), "no setting 'beams'"),
        (CONFIG, _config(image_size=20_000), r"image_size is 20000.*between 32 and 4096"),
        (CONFIG, _config(image_size=True), "image_size is True"),
        (CONFIG, _config(image_size=64.0), r"image_size is 64\.0"),
        (CONFIG, _config(image_size=float("nan")), "NaN, which is no number"),
        (CONFIG, _config(metadata=["mle"]), "metadata is no mapping"),
        (CONFIG, b"{}", "cannot be parsed"),
        (CONFIG, b"", "cannot be parsed"),
        (CONFIG, b"\xff\xfe\x00", "cannot be parsed"),
        (CONFIG, DEEP, "cannot be parsed"),
        (CONFIG, b" " * (1 << 20) + b"{}", "at most 1,048,576 are read"),
        (VOCABULARY, DEEP, "cannot be parsed"),
        (VOCABULARY, b"[]", "tokens, counts and min_count"),
        (VOCABULARY, _vocabulary(tokens="words"), "list of texts"),
        (VOCABULARY, _vocabulary(tokens=[*SPECIAL, 5]), "list of texts"),
        (VOCABULARY, _vocabulary(tokens=[*SPECIAL, "heart"]), r"its weights '.*' are .*ask for"),
        (VOCABULARY, _vocabulary(tokens=[*SPECIAL, "\ud800"]), "Token 4.*can be printed"),
        (VOCABULARY, _vocabulary(tokens=[*SPECIAL, "\x1b[2J"]), "Token 4.*can be printed"),
        (VOCABULARY, _vocabulary(tokens=[*SPECIAL, ""]), "Token 4"),
        (VOCABULARY, _vocabulary(tokens=[*SPECIAL, "w" * 64_000]), "Token 4"),
        (VOCABULARY, _vocabulary(tokens=[str(n) for n in range(300_000)]), "at most 200,000 tokens"),
        (VOCABULARY, _vocabulary(counts={"heart": "many"}), "whole numbers"),
        (VOCABULARY, _vocabulary(min_count=None), "whole numbers"),
        (WEIGHTS, b"", "cannot be parsed"),
        (WEIGHTS, b"\xff" * 64, "cannot be parsed"),
        (WEIGHTS, DEEP, "cannot be parsed"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_even_under_a_right_manifest(
    saved: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(BundleError, match=message) as refused:
        ModelBundle.load(_resealed(saved, tmp_path, name, content))
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(saved: Path, tmp_path: Path, value: float) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(saved, folder)
    weights = load_file(folder / WEIGHTS)
    weights["encoder.backbone.features.layer0.0.weight"].view(-1)[7] = value
    save_file(weights, folder / WEIGHTS)
    write_manifest(folder, (WEIGHTS, CONFIG, VOCABULARY))
    with pytest.raises(BundleError, match=r"layer0\.0\.weight' are not all finite numbers"):
        ModelBundle.load(folder)


def test_weights_of_other_names_or_kinds_are_refused(saved: Path, tmp_path: Path) -> None:
    for place, change in enumerate(
        (
            lambda weights: {**weights, "extra": torch.zeros(1)},
            lambda weights: {name: tensor for name, tensor in weights.items() if "stop" not in name},
            lambda weights: {name: tensor.long() for name, tensor in weights.items()},
        )
    ):
        folder = tmp_path / str(place)
        shutil.copytree(saved, folder)
        save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS)
        write_manifest(folder, (WEIGHTS, CONFIG, VOCABULARY))
        with pytest.raises(BundleError, match="its weights"):
            ModelBundle.load(folder)
