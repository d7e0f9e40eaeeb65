"""The folders of docs/examples run: other labels, another language, by configuration alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from coherent_cxr.chexpert.rules.rule_files import load_rules
from coherent_cxr.reports.finding_tokens import finding_token_of
from helpers.commands import OURS, Running
from helpers.forks import Forks

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLES = REPOSITORY / "docs" / "examples"
# the encoder is no part of an example, and one with trained weights takes half of the time
SMALL_ENCODER = ",".join(
    f"encoder_pretraining.{setting}" for setting in ("encoder=small_cnn", "weights=none", "frozen_stride=0")
)
RULES = {"tubes": str(EXAMPLES / "tubes" / "tubes.yml"), "spanish": "spanish"}


def newest(project: Path, name: str) -> Path:
    (path,) = sorted((project / "data").glob(f"example_*/*/{name}/*/{name}"))[-1:]
    return path


def test_the_examples_are_configuration_texts_and_rules_alone() -> None:
    endings = {path.suffix for path in EXAMPLES.rglob("*") if path.is_file()}
    assert endings == {".yml", ".csv", ".md"}


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted(RULES))
def test_an_example_trains_rewards_judges_and_serves_its_own_labels(
    example: str, tmp_path: Path, new_database: Path, forks: Forks
) -> None:
    shutil.copy(new_database, tmp_path)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for entry in ("conf", "docs/examples"):
        shutil.copytree(REPOSITORY / entry, tmp_path / entry)
    (tmp_path / "src").symlink_to(REPOSITORY / "src")
    command = ("-m", "coherent_cxr", "--env", f"../docs/examples/{example}", "--params", SMALL_ENCODER)
    ran = Running(forks, command, tmp_path).end()
    assert ran.code == 0, ran.errors
    observations = load_rules(RULES[example]).observations
    judge = Path(RULES[example]).name

    labels = pd.read_parquet(newest(tmp_path, "chexpert_labels.parquet"))
    assert tuple(labels.columns[1:]) == observations
    assert (labels[list(observations)] == 1).any().sum() >= 7
    metrics = pd.read_parquet(newest(tmp_path, "metrics.parquet"))
    judged = metrics[metrics["rules"] == judge]
    assert set(judged["rules"]) == set(metrics["rules"]) - {""}  # and by nobody else
    assert {f"{len(observations)} labels", *observations} <= set(judged["labels"])
    history = pd.read_parquet(newest(tmp_path, "full_rl_history.parquet"))
    assert history["metric"].str.contains("ccr").any()
    tokens = json.loads(newest(tmp_path, "vocabulary.json").read_text())["tokens"]
    assert {finding_token_of(name) for name in observations if name != "No Finding"} <= set(tokens)
    assert observations[-1] in newest(tmp_path, "results_page.html").read_text()

    image, model = (
        next((tmp_path / "data").glob("*/01_raw/**/*.png")),
        f"models:/coherent-cxr-{example}@champion",
    )
    answer = Running(forks, (*OURS, "generate", str(image), "--model", model, "--json"), tmp_path).end()
    assert answer.code == 0, answer.errors
    report = json.loads(answer.output)
    assert tuple(report["labels"]) == observations
    assert report["label_rules"] == judge
