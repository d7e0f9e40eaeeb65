"""The guard against the normal report: when it stops a run, what is kept, what it says."""

from __future__ import annotations

import json

import pytest

from coherent_cxr.training.scst.guard import Guard, GuardConfig
from coherent_cxr.training.scst.telemetry import PolicyCollapsedError
from coherent_cxr.training.scst.train import fine_tune
from helpers.scst_runs import arguments, config, values

LIMITS = GuardConfig(min_positive_calls=0.5, min_unique_reports=0.1)


def numbers(calls: float, unique: float) -> dict[str, float]:
    return {"positive_calls": calls, "unique_reports": unique, "cider": 1.0}


def guard(limits: GuardConfig = LIMITS, start: tuple[float, float] = (40, 0.8)) -> Guard:
    made = Guard(limits, "full fine-tuning")
    made.inspect(0, numbers(*start))
    return made


@pytest.mark.parametrize("now", [(20, 0.1), (400, 1.0), (20, 0.8)])
def test_what_keeps_its_findings_goes_on(now):
    guard().inspect(1, numbers(*now))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ((19, 0.8), "affirm 19 positive labels, those of the MLE model 40 (the least share allowed is 0.5)"),
        (
            (20, 0.09),
            "different reports is 0.090, that of the MLE model 0.800 (the least share allowed is 0.1)",
        ),
        (
            (0, 0.01),
            "affirm 0 positive labels, those of the MLE model 40 (the least share allowed is 0.5), and ",
        ),
    ],
)
def test_a_collapse_stops_the_run_in_words(now, said, caplog):
    with pytest.raises(PolicyCollapsedError) as stopped:
        guard().inspect(3, numbers(*now))
    message = str(stopped.value)
    assert message.startswith("full fine-tuning was stopped after epoch 3: ")
    assert said in message
    assert "cannot become champion" in message
    assert [record.getMessage() for record in caplog.records] == [message]


def test_what_the_starting_model_lacks_is_not_asked_for():
    guard(start=(0, 0.02)).inspect(1, numbers(0, 0.02))
    with pytest.raises(PolicyCollapsedError):
        guard(start=(0, 0.02)).inspect(1, numbers(0, 0.01))
    off = GuardConfig(min_positive_calls=0.0, min_unique_reports=0.0)
    guard(off).inspect(1, numbers(0, 0.0))


def test_a_model_that_began_with_fewer_different_reports_is_held_to_its_own_share():
    with pytest.raises(PolicyCollapsedError, match=r"0\.050 \(the least share allowed is 0\.05\)"):
        guard(start=(40, 0.05)).inspect(1, numbers(40, 0.04))


def test_the_start_travels_as_json():
    again = Guard(LIMITS, "full fine-tuning")
    again.load_state_dict(json.loads(json.dumps(guard().state_dict())))
    with pytest.raises(PolicyCollapsedError, match="those of the MLE model 40"):
        again.inspect(1, numbers(19, 0.8))


def silent(candidates, references):
    """A user's reward that pays for short reports without a positive label."""
    return [
        -len(text.split()) - 5.0 * (row == 1).sum()
        for text, row in zip(candidates.texts, candidates.labels, strict=True)
    ]


def test_a_run_that_falls_silent_is_stopped_and_keeps_the_last_good_epoch(corpus, generator, tmp_path):
    # The toy's MLE model is random and has hardly a call; it is asked to keep all its different reports.
    rewards = {"silent": {"weight": 1.0, "baseline": "leave_one_out", "function": f"{__name__}:silent"}}
    settings = {"rewards": rewards, "samples": 4, "epochs": 4, "learning_rate": 3e-2, "validation_samples": 0}
    strict = {"min_positive_calls": 1.0, "min_unique_reports": 1.0}
    run = fine_tune(config(tmp_path, guard=strict, **settings), *arguments(corpus, generator))
    ended = run.bundle.metadata["ended"]
    assert "was stopped after epoch" in ended
    stopped = int(ended.split("after epoch ")[1].split(":")[0])
    unique = values(run.history, "unique_reports", "validation")
    calls = values(run.history, "positive_calls", "validation")
    assert len(unique) == stopped + 1
    assert unique[-1] < unique[0] or calls[-1] < calls[0]
    assert (unique[:-1] >= unique[0]).all()
    if stopped == 1:
        assert run.bundle.digest == generator.digest
