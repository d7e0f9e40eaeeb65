from __future__ import annotations

import json
import logging
import resource
import signal

import pytest
import torch

from coherent_cxr.training.engine.checkpoint import CheckpointError, Checkpoints
from helpers.toy import toy_loop, weights

TENSORS = {"w": torch.ones(3)}


def row(step: int) -> dict[str, object]:
    return {"step": step, "epoch": 1.0, "split": "train", "metric": "loss", "value": 0.1 * step}


def save(checkpoints: Checkpoints, step: int, rows: int) -> None:
    state = {"step": step, "epoch": 0, "best_step": None, "history": [row(i) for i in range(rows)]}
    checkpoints.save(state, TENSORS)


def test_the_newest_and_the_best_it_names_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load() is None
    for step, best in ((1, None), (2, 2), (30, 2), (40, 40)):
        if best == step:
            checkpoints.save_best(step, {"w": torch.full((2,), -float(step))})
        state = {"step": step, "epoch": step // 10, "best_step": best}
        checkpoints.save(state, {"w": torch.full((2,), float(step))})
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == ["best-00000040", "history.jsonl", "step-00000040-0004"]
    loaded, tensors = checkpoints.load()
    assert loaded == {**state, "history": []}
    assert tensors["w"].tolist() == [40.0, 40.0]
    assert checkpoints.load_best(40)["w"].tolist() == [-40.0, -40.0]


def test_the_history_is_appended_to_and_a_state_holds_only_its_length(tmp_path):
    checkpoints, file = Checkpoints(tmp_path), tmp_path / "history.jsonl"
    save(checkpoints, 1, rows=1_000)
    first = file.read_bytes()
    save(checkpoints, 2, rows=1_003)
    assert file.read_bytes().startswith(first)
    assert file.read_bytes().count(b"\n") == 1_003
    (state,) = tmp_path.glob("step-*/state.json")
    assert len(state.read_bytes()) < 200
    assert Checkpoints(tmp_path).load()[0]["history"] == [row(i) for i in range(1_003)]


def test_rows_that_no_checkpoint_counts_are_dropped(tmp_path):
    save(Checkpoints(tmp_path), 1, rows=2)
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(b'{"step": 7}\n{"half')  # killed between the history and its checkpoint
    again = Checkpoints(tmp_path)
    assert len(again.load()[0]["history"]) == 2
    save(again, 3, rows=4)
    assert Checkpoints(tmp_path).load()[0]["history"] == [row(i) for i in range(4)]


def test_a_history_without_any_checkpoint_is_begun_anew(tmp_path):
    (tmp_path / "history.jsonl").write_bytes(b"left of a killed run\n")
    fresh = Checkpoints(tmp_path)
    assert fresh.load() is None
    save(fresh, 1, rows=1)
    assert Checkpoints(tmp_path).load()[0]["history"] == [row(0)]


@pytest.mark.parametrize("damage", ["cut tensors", "no tensors", "cut state", "other state", "cut history"])
@pytest.mark.slow
def test_a_damaged_checkpoint_is_set_aside_and_training_begins_again(tmp_path, caplog, damage):
    whole = toy_loop(tmp_path)
    whole.run()
    (place,) = tmp_path.glob("step-*")
    file = {"tensors": "tensors.safetensors", "state": "state.json"}.get(damage.split()[1])
    path = place / file if file else tmp_path / "history.jsonl"
    content = {"cut": path.read_bytes()[:-9], "no": b"", "other": b"[1, 2]"}[damage.split()[0]]
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        again = toy_loop(tmp_path)
        again.run()
    assert weights(again) == weights(whole)
    assert f"The checkpoint '{place}' is damaged" in caplog.text
    assert (tmp_path / f"{place.name}.damaged").is_dir()


def test_damaged_best_weights_are_a_sentence(tmp_path):
    toy_loop(tmp_path).run()
    (best,) = tmp_path.glob("best-*")
    (best / "tensors.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    with pytest.raises(CheckpointError, match=f"Delete '{tmp_path}' and run again"):
        toy_loop(tmp_path).run()


@pytest.mark.parametrize("room", [10, 300, 1_000])  # for no history, no tensors, not all of them
@pytest.mark.slow
def test_a_full_disk_is_a_sentence_and_the_run_continues_when_there_is_room(tmp_path, room, capsys):
    # capsys: what is printed goes to no file, on which the limit below would count, too
    whole = toy_loop(tmp_path / "whole")
    whole.run()
    save(Checkpoints(tmp_path / "other"), 1, rows=1)  # imports and folders are there before the limit
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OSError, match=r"could not be written .*Free some space .* and run again"):
            toy_loop(tmp_path / "full").run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    again = toy_loop(tmp_path / "full")
    again.run()
    assert weights(again) == weights(whole)


def test_numbers_keep_every_bit(tmp_path):
    value = 0.1 + 0.2
    rows = [{**row(1), "value": value}, {**row(2), "value": float("nan")}]
    Checkpoints(tmp_path).save({"step": 1, "epoch": 0, "history": rows}, TENSORS)
    kept = Checkpoints(tmp_path).load()[0]["history"]
    assert kept[0]["value"] == value
    assert json.dumps(kept[1]["value"]) == "NaN"
