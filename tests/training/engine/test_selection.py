"""Which weights a training ends with."""

from __future__ import annotations

import dataclasses

import pytest

from coherent_cxr.training.engine.checkpoint import Checkpoints
from coherent_cxr.training.engine.divergence import EndedEarlyError
from helpers.toy import toy_loop, weights
from helpers.toy_history import dying


def test_best_validation_epoch_is_kept(tmp_path):
    scores = iter([0.1, 0.9, 0.5, 0.3])
    seen = []

    def validate():
        seen.append(weights(run))
        return {"score": next(scores)}

    run = toy_loop(tmp_path, validate=validate)
    run.run()
    assert weights(run) == seen[1]


def test_the_last_epoch_is_kept_where_nothing_selects(tmp_path):
    with_selection, without = toy_loop(tmp_path / "a"), toy_loop(tmp_path / "b", select=None)
    with_selection.run()
    without.run()
    assert not list((tmp_path / "b").glob("best-*"))
    last = Checkpoints(tmp_path / "a").load()[1]
    assert weights(without) == b"".join(
        last[f"model.{n}"].numpy().tobytes() for n, _ in without.model.named_parameters()
    )


def test_a_number_that_cannot_be_computed_selects_nothing(tmp_path):
    run = toy_loop(tmp_path, validate=dict)
    run.run()
    assert not list(tmp_path.glob("best-*"))


def test_starting_weights_win_when_training_only_harms(tmp_path):
    scores = iter([0.9, 0.5, 0.4, 0.3, 0.2])
    run = toy_loop(tmp_path, validate=lambda: {"score": next(scores)}, validate_first=True)
    before = weights(run)
    run.run()
    assert weights(run) == before


def test_training_ends_when_it_waited_long_enough(tmp_path):
    scores = iter([0.1, 0.9, 0.5, 0.4, 0.3, 0.2])
    run = toy_loop(tmp_path, validate=lambda: {"score": next(scores)}, patience=2, epochs=6)
    history = run.run()
    assert history[history["metric"] == "score"]["value"].tolist() == [0.1, 0.9, 0.5, 0.4]
    again = toy_loop(tmp_path, dying("step", 1), patience=2, epochs=6)
    assert again.run().equals(history)


def test_a_number_that_no_validation_gives_is_said(tmp_path, caplog):
    toy_loop(tmp_path, select="scoer").run()
    (message,) = [record.getMessage() for record in caplog.records]
    assert "no validation gave the number 'scoer'" in message


def test_a_step_may_end_the_run_with_the_weights_of_the_last_validation(tmp_path):
    class Enough(EndedEarlyError):
        pass

    seen = []

    def train_step(step, chosen, randomness):
        if step == 10:
            raise Enough("enough")
        return run.train_step(step, chosen, randomness)

    def validate():
        seen.append(weights(ending))
        return {"score": -float(len(seen))}

    run = toy_loop(tmp_path / "a", validate=validate)
    for select, kept in ((None, 1), ("score", 0)):
        seen.clear()
        folder = tmp_path / str(select)
        run = toy_loop(folder, validate=validate, select=select, keep_validated=True, log_every=1)
        ending = dataclasses.replace(run, train_step=train_step)
        for _ in range(2):  # the second continues at a checkpoint and ends alike
            with pytest.raises(Enough) as ended:
                ending.run()
            assert weights(ending) == seen[kept]
            history = ended.value.history
            assert history[history["metric"] == "loss"]["step"].tolist() == list(range(1, 11))
