from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import coherent_cxr
from coherent_cxr.configuration import Settings
from coherent_cxr.rewards import CiderD
from coherent_cxr.runtime.fingerprint import (
    code_digest,
    encoder_code,
    fingerprint,
    function_digest,
    run_key,
)
from coherent_cxr.training.baselines.train import BaselinesConfig, run_baselines
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.train import pretrain_encoder
from coherent_cxr.training.engine.loop import Loop
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.mle.train import train_mle
from coherent_cxr.training.scst.train import RlFineTuningConfig, fine_tune
from helpers.settings import filled
from helpers.tiny_generator import make_generator
from helpers.training_corpus import LABELER

PACKAGE = Path(coherent_cxr.__file__).parent
STAGES = [
    "coherent_cxr.training.mle.train",
    "coherent_cxr.training.scst.train",
    "coherent_cxr.training.baselines.train",
    "coherent_cxr.training.encoder.train",
]


@pytest.fixture(scope="module")
def one_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy") / "coherent_cxr"
    return Path(shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def copy(one_copy: Path) -> Iterator[Path]:
    """A copy of the package's sources that a test may change."""
    yield one_copy
    for path in (path for path in one_copy.rglob("*") if path.suffix in (".py", ".yml")):
        original = (PACKAGE / path.relative_to(one_copy)).read_bytes()
        if path.read_bytes() != original:
            path.write_bytes(original)


def digest(stage: str, package: Path) -> str:
    code_digest.cache_clear()
    return code_digest(stage, package=package)


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize("stage", STAGES)
def test_the_same_code_elsewhere_has_the_same_digest(copy, stage):
    assert digest(stage, copy) == digest(stage, PACKAGE)


@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("mle.train", "inference/attention.py"),  # imported by nobody that trains
        ("mle.train", "evaluation/report/page/data.py"),
        ("mle.train", "baselines/captioners/tienet.py"),
        ("scst.train", "training/baselines/captioner.py"),
        ("baselines.train", "training/scst/step.py"),
    ],
)
def test_code_that_a_training_does_not_use_does_not_count(copy, stage, file):
    before = digest(f"coherent_cxr.training.{stage}", copy)
    append(copy / file, "\n# changed\n")
    assert digest(f"coherent_cxr.training.{stage}", copy) == before


@pytest.mark.parametrize(
    ("stage", "file"),
    [
        ("mle.train", "training/mle/train.py"),
        ("mle.train", "training/engine/loop.py"),
        ("mle.train", "models/word_decoder.py"),
        ("mle.train", "reports/text.py"),
        ("mle.train", "chexpert/engine/classification.py"),  # by way of the labeller
        ("mle.train", "configuration.py"),
        ("mle.train", "rewards/__init__.py"),
        ("scst.train", "rewards/clinical/coherence.py"),
        ("scst.train", "inference/sentence_decoding.py"),
        ("baselines.train", "baselines/captioners/tienet.py"),  # by way of the registry
        ("encoder.train", "models/image_encoder/backbone.py"),
        ("encoder.train", "training/encoder/augmentation.py"),
        ("encoder.train", "images/store.py"),
        ("mle.train", "chexpert/rules/rule_sets/original.yml"),  # data that the labeller reads
    ],
)
def test_code_and_rules_that_a_training_uses_count_however_indirectly(copy, stage, file):
    before = digest(f"coherent_cxr.training.{stage}", copy)
    append(copy / file, "\n# changed\n")
    assert digest(f"coherent_cxr.training.{stage}", copy) != before


def test_an_encoder_counts_by_its_own_code(copy):
    def digest_of(encoder: str) -> str:
        return digest(f"coherent_cxr.models.encoders.{encoder}", copy)

    before = {name: digest_of(name) for name in ("densenet121", "efficientnet_lite0", "resnet50")}
    append(copy / "models" / "encoders" / "efficientnet_lite0.py", "\n# changed\n")
    changed = {name for name in before if digest_of(name) != before[name]}
    assert changed == {"efficientnet_lite0"}
    assert encoder_code("densenet121") != encoder_code("resnet50")


def test_line_ends_do_not_count(copy):
    before = digest(STAGES[0], copy)
    for path in [copy / "training/mle/train.py", copy / "chexpert/rules/rule_sets/original.yml"]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert digest(STAGES[0], copy) == before


def test_two_files_that_swap_their_contents_are_told_apart(copy):
    before = digest(STAGES[0], copy)
    one, other = copy / "training/engine/progress.py", copy / "runtime/pace.py"
    one_text, other_text = one.read_text(), other.read_text()
    one.write_text(other_text)
    other.write_text(one_text)
    assert digest(STAGES[0], copy) != before


def test_relative_and_lazy_imports_count(tmp_path):
    package = tmp_path / "coherent_cxr"
    (package / "part").mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "part/__init__": "",
        "part/first": "from . import second\ndef late():\n    import coherent_cxr.third as t\n    return t\n",
        "part/second": "from .fourth import x\nfrom ..fifth import y\nimport numpy\n",
        "part/fourth": "x = 1\n",
        "third": "",
        "fifth": "y = 2\n",
        "sixth": "",
    }.items():
        (package / f"{name}.py").write_text(text)
    before = digest("coherent_cxr.part.first", package)
    for name, counts in (("third", True), ("part/fourth", True), ("fifth", True), ("sixth", False)):
        append(package / f"{name}.py", "\n# changed\n")
        after = digest("coherent_cxr.part.first", package)
        assert (after != before) is counts, name
        before = after


def test_a_module_that_does_not_exist_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"no module 'coherent_cxr\.training\.mlee'"):
        code_digest("coherent_cxr.training.mlee")


def test_parts_keep_their_borders_and_kinds():
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint(b"1", "2") == fingerprint("1", 2)
    assert fingerprint() != fingerprint("")


class TrainingConfig(Settings):
    rate: float = 0.1
    processes: int = 1
    checkpoint_every: float | None = 60.0
    checkpoint_folder: str = "a"


def test_settings_that_change_nothing_stay_out():
    key = run_key(STAGES[0], TrainingConfig(), "data")
    same = TrainingConfig(processes=4, checkpoint_every=None, checkpoint_folder="b")
    assert run_key(STAGES[0], same, "data") == key
    assert run_key(STAGES[0], TrainingConfig(rate=0.2), "data") != key
    assert run_key(STAGES[0], TrainingConfig(), "other data") != key
    assert run_key(STAGES[1], TrainingConfig(), "data") != key


def test_a_users_reward_counts_by_its_file(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "my_rewards_of_this_test.py"
    file.write_text("def mine(candidates, references):\n    return [1.0] * len(candidates)\n")
    before = function_digest("my_rewards_of_this_test:mine")
    append(file, "# changed\n")
    assert function_digest("my_rewards_of_this_test:mine") != before
    assert function_digest("builtins:sum") == function_digest("builtins:sum")


def test_a_users_reward_counts_with_what_it_imports_of_its_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "package_of_this_test"
    for name, text in {
        "__init__.py": "",
        "mine.py": "from package_of_this_test.deep import helper\n",
        "deep/__init__.py": "",
        "deep/helper.py": "WEIGHT = 1\n",
        "other.py": "",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)

    def digest() -> str:
        code_digest.cache_clear()
        return function_digest("package_of_this_test.mine:mine")

    before = digest()
    append(package / "other.py", "# not imported\n")
    assert digest() == before
    append(package / "deep" / "helper.py", "# changed\n")
    assert digest() != before


class Reached(Exception):
    """A training got as far as its loop; the folder of its checkpoints says which training it is."""


@pytest.fixture
def key_of(corpus, checkpoint_folder, monkeypatch):
    """Return the name of the training that a stage begins with some inputs of the corpus changed."""

    def stop_here(loop: Loop) -> None:
        raise Reached(loop.checkpoints.name)

    monkeypatch.setattr(Loop, "run", stop_here)  # so that a test of many inputs takes no step of training
    generator = make_generator(corpus)
    common = {"precision": "fp32", "checkpoint_folder": checkpoint_folder}

    def begin(stage: str, c) -> None:
        if stage == "mle":
            train_mle(filled(MleTrainingConfig, generator=generator.config, **common), *c[:-1], LABELER)
        elif stage == "rl":
            config = filled(RlFineTuningConfig, system="full", rewards={"ccr": {"weight": 1.0}}, **common)
            fine_tune(config, generator, c.store, *c[3:-1], LABELER)
        elif stage == "encoder":
            pretrain_encoder(filled(EncoderPretrainingConfig, **common), c.store, c.labels, c.splits)
        else:
            run_baselines(filled(BaselinesConfig, systems=("tienet",), **common), *c[:-2], c.labels, ["s21"])

    def key(stage: str, **changes: object) -> str:
        with pytest.raises(Reached) as reached:
            begin(stage, corpus._replace(**changes))
        return str(reached.value)

    return key


def relabelled(corpus, study: str) -> pd.DataFrame:
    labels = corpus.labels.copy()
    labels.loc[labels["study_id"] == study, "Edema"] = 1
    return labels


def reworded(table: pd.DataFrame, column: str, study: str) -> pd.DataFrame:
    """Drop the last word of a study's first sentence."""
    table = table.copy()
    row = table.index[table["study_id"] == study][0]
    first, *others = table.at[row, column]
    table.at[row, column] = [first[:-1], *others]
    return table


def rarer_words(corpus) -> CiderD:
    return CiderD.from_corpus(["the lungs are clear ."])


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("encoder", {"a label in validation": lambda c: {"labels": relabelled(c, "s10")}}),
        (
            "mle",
            {
                "document frequencies": lambda c: {"document_frequencies": rarer_words(c)},
                "a word in validation": lambda c: {
                    "encoded_reports": reworded(c.encoded_reports, "sentences", "s10")
                },
            },
        ),
        (
            "rl",
            {
                "a reference in training": lambda c: {"findings": reworded(c.findings, "tokens", "s01")},
                "a label in training": lambda c: {"labels": relabelled(c, "s01")},
                "document frequencies": lambda c: {"document_frequencies": rarer_words(c)},
            },
        ),
        ("baselines", {"a label in validation": lambda c: {"labels": relabelled(c, "s10")}}),
    ],
)
def test_every_input_of_a_training_counts(corpus, key_of, stage, changes):
    same = key_of(stage)
    assert {name for name, change in changes.items() if key_of(stage, **change(corpus)) == same} == set()
