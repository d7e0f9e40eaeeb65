"""The log of a run: a line a stage, with result, time and time left; what to do next."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import kedro.logging
import pandas as pd
import pytest

from coherent_cxr.hooks.result_words import headline, words_of
from coherent_cxr.hooks.run_log import stage_line, stage_of
from coherent_cxr.pipeline_registry import DEFAULT, STAGES, register_pipelines
from coherent_cxr.pipelines.node_seconds import MEASURED, seconds_left
from coherent_cxr.runtime.log import VERBOSE, RunHandler


@pytest.fixture
def kedros_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kedro's handler as in a new process, whatever other tests of this one made of the log."""
    monkeypatch.delenv(VERBOSE, raising=False)
    root, kinds = logging.getLogger(), (kedro.logging.RichHandler, RunHandler)
    before = [handler for handler in root.handlers if isinstance(handler, kinds)]
    for handler in before:
        root.removeHandler(handler)
    root.addHandler(kedro.logging.RichHandler())
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler, kinds)]:
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)


def messages(text: str) -> list[str]:
    """What was logged, without the time of day and without what other plugins warn of."""
    lines = [line[9:] for line in text.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]
    return [line for line in lines if not line.startswith("Warning: ")]


@pytest.mark.slow
def test_a_run_writes_a_line_a_stage(kedros_log, run, capsys):
    run("reading", "training")
    lines = messages(capsys.readouterr().out)
    assert lines[0] == "Running 3 stages (3 nodes). --verbose shows Kedro's own log."
    assert [re.split(r"\s+", line)[:2] for line in lines[1:4]] == [
        ["1/3", "read"],
        ["2/3", "full.train"],
        ["3/3", "train"],
    ]
    assert re.search(r" s  about \d s left$", lines[1])
    assert "left" not in lines[3]
    assert lines[4].startswith("Done in ")
    assert len(lines) == 5


@pytest.mark.slow
def test_a_run_that_breaks_says_where(kedros_log, run, capsys):
    with pytest.raises(RuntimeError, match="broken on purpose"):
        run("reading", "failing")
    lines = messages(capsys.readouterr().out)
    assert any(line.startswith("Error: The stage fail failed in the node 'fail' after ") for line in lines)
    assert not any(line.startswith("Done") for line in lines)


def test_time_left_follows_the_table_and_then_the_run_itself():
    assert seconds_left(elapsed=0, done=0, to_come=600) == 600
    assert seconds_left(elapsed=570, done=270, to_come=600) == 1200  # twice as slow as where it was measured
    assert seconds_left(elapsed=100, done=50, to_come=0) == 0


def test_the_table_names_the_nodes_of_the_whole_run():
    nodes = {node.name.rpartition(".")[2]: node for node in register_pipelines()[DEFAULT].nodes}
    assert set(MEASURED) <= set(nodes)
    assert {stage_of(node) for node in nodes.values()} == set(STAGES)


def test_a_stage_line():
    line = stage_line((3, 12), "splits", 200.0, ["5 left out", "5 left out", "9 words"], 61.0)
    assert line == " 3/12 splits                3 min 20 s  5 left out; 9 words; about 1 min 1 s left"
    assert stage_line((1, 1), "a", 0.2, [], None) == "1/1 a                            1 s"


HISTORY = pd.DataFrame(
    {
        "split": ["validation", "train", "validation"],
        "metric": ["cider", "cider", "cider"],
        "value": [0.25, 0.9, 0.125],
    }
)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("studies", pd.DataFrame({"a": range(3000)}), "3,000 studies"),
        ("image_exclusions", pd.DataFrame({"a": [1]}), "1 left out"),
        ("image_exclusions", pd.DataFrame({"a": []}), None),
        ("mle_history", HISTORY, "mle: validation CIDEr-D 0.250 at best"),
        ("full.rl_history", HISTORY, "full: validation CIDEr-D 0.250 at best"),
        ("mle_history", HISTORY[:0], None),
        ("mle_history", pd.DataFrame(), None),
        ("splits", pd.DataFrame({"split": ["train", "test", "train"]}), "2 train, 1 test"),
        ("vocabulary", {"tokens": ["a", "b"]}, "2 words"),
        (
            "registered_model",
            {"name": "m", "version": "3", "system": "full", "alias": "champion"},
            "version 3 of 'm' is 'full', alias 'champion'",
        ),
        ("anything", object(), None),
    ],
)
def test_results_in_words(name, data, words):
    assert words_of(name, data) == words


def test_the_headline_names_the_generator_that_finds_most():
    summary = {
        "medoid of the true labels": {"macro-F1-10 corrected": 0.99, "CIDEr-D": 0.9},
        "mle": {"macro-F1-10 corrected": 0.25, "CIDEr-D": 0.5},
        "full": {"macro-F1-10 corrected": 0.5, "CIDEr-D": 0.375},
    }
    told = headline(summary, ["mle", "full", "absent"])
    assert told is not None
    assert "'full' has the highest macro-F1-10 of the trained generators, 0.500 and CIDEr-D 0.375." in told
    assert headline({"mle": {"macro-F1-10 corrected": None}}, ["mle"]) is None


def test_the_headline_says_first_which_generator_was_chosen_on_validation():
    summary = {
        "mle": {"macro-F1-10 corrected": 0.25, "CIDEr-D": 0.5},
        "full": {"macro-F1-10 corrected": 0.5, "CIDEr-D": 0.375},
    }
    other = headline(summary, ["mle", "full"], "mle")
    assert other is not None
    assert other.startswith("Chosen on validation: 'mle', macro-F1-10 0.250 and CIDEr-D 0.500. On the test")
    same = headline(summary, ["mle", "full"], "full")
    assert same is not None
    assert "0.500 and CIDEr-D 0.375, which was also chosen on validation." in same
    assert headline(summary, ["mle", "full"], "unknown") == headline(summary, ["mle", "full"])
