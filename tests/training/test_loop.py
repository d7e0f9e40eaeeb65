from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from coherent_cxr.training.checkpoint import Checkpoints, step_seed
from coherent_cxr.training.loop import Loop, TrainingDivergedError, one_cycle

INPUTS = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS @ torch.tensor([1.0, -2.0, 0.5])


def loop(folder: Path, kill_at: int | None = None, epochs: int = 4, **changes) -> Loop:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))

    def train_step(step, chosen, randomness):
        if step == kill_at:
            raise KeyboardInterrupt
        noise = torch.randn(len(chosen), generator=randomness)
        loss = (model(INPUTS[chosen]).squeeze(1) - TARGETS[chosen] + 0.1 * noise).square().mean()
        return loss, {"half": loss.item() / 2}

    def validate():
        model.eval()
        error = (model(INPUTS).squeeze(1) - TARGETS).square().mean().item()
        model.train()
        return {"score": -error}

    return Loop(
        **{
            "name": "toy",
            "model": model,
            "optimizer": torch.optim.Adam(model.parameters()),
            "samples": 20,
            "epochs": epochs,
            "batch_size": 6,
            "seed": 5,
            "train_step": train_step,
            "validate": validate,
            "learning_rate": lambda step: 1e-2,
            "checkpoints": folder,
            **changes,
        }
    )


def weights(run: Loop) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in run.model.parameters())


@pytest.mark.parametrize("kill_at", [1, 6, 8, 13])
def test_a_killed_run_ends_with_the_bytes_of_an_uninterrupted_one(tmp_path, kill_at):
    whole = loop(tmp_path / "whole")
    history = whole.run()
    with pytest.raises(KeyboardInterrupt):
        loop(tmp_path / "killed", kill_at).run()
    again = loop(tmp_path / "killed")
    assert again.run().equals(history)
    assert weights(again) == weights(whole)


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(tmp_path):
    whole = loop(tmp_path / "whole")
    whole.run()
    with pytest.raises(KeyboardInterrupt):
        loop(tmp_path / "killed", kill_at=9).run()
    half = tmp_path / "killed" / "step-00000012.writing"
    half.mkdir()
    (half / "state.json").write_text('{"step": 12, "ep')
    again = loop(tmp_path / "killed")
    again.run()
    assert weights(again) == weights(whole)


def test_a_finished_run_is_not_trained_again(tmp_path):
    first = loop(tmp_path)
    first.run()
    again = loop(tmp_path, kill_at=0)  # any further step would raise
    again.run()
    assert weights(again) == weights(first)


def test_best_validation_epoch_is_kept(tmp_path):
    scores = iter([0.1, 0.9, 0.5, 0.3])
    seen = []
    run = loop(tmp_path, select="score")

    def validate():
        seen.append(weights(run))
        return {"score": next(scores)}

    run = loop(tmp_path, select="score", validate=validate)
    run.run()
    assert weights(run) == seen[1]


def test_starting_weights_win_when_training_only_harms(tmp_path):
    scores = iter([0.9, 0.5, 0.4, 0.3, 0.2])
    run = loop(tmp_path, select="score", validate=lambda: {"score": next(scores)}, validate_first=True)
    before = weights(run)
    run.run()
    assert weights(run) == before


def test_a_loss_that_is_no_number_stops_with_step_and_checkpoint(tmp_path):
    run = loop(tmp_path)
    explode = loop(
        tmp_path, train_step=lambda step, chosen, r: (run.train_step(step, chosen, r)[0] * float("nan"), {})
    )
    with pytest.raises(TrainingDivergedError, match=r"nan at step 0 \(epoch 1\).*checkpoint"):
        explode.run()


def test_history_has_every_step_window_and_every_epoch(tmp_path):
    history = loop(tmp_path, log_every=2).run()
    train = history[(history["split"] == "train") & (history["metric"] == "half")]
    assert train["step"].tolist() == [2, 4, 6, 8, 10, 12, 14, 16]
    validation = history[history["split"] == "validation"]
    assert validation["epoch"].tolist() == [1, 2, 3, 4]
    json.dumps(history.to_dict("records"))


def test_the_run_leaves_the_global_generator_alone(tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(1)
    run = loop(tmp_path)
    torch.manual_seed(1)
    run.run()
    assert torch.equal(torch.rand(1), expected)


def test_checkpoints_keep_only_the_newest(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.load() is None
    for step in (1, 2, 30):
        checkpoints.save({"step": step}, {"w": torch.full((2,), float(step))})
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000030"]
    state, tensors = checkpoints.load()
    assert state == {"step": 30}
    assert tensors["w"].tolist() == [30.0, 30.0]


def test_step_seeds_differ_and_repeat():
    seeds = {step_seed(0, epoch, step) for epoch in range(30) for step in range(30)}
    assert len(seeds) == 900
    assert step_seed(0, 1, 2) == step_seed(0, 1, 2) != step_seed(1, 1, 2)


def test_one_cycle_rises_to_its_peak_and_falls_to_almost_nothing():
    values = [one_cycle(i / 100) for i in range(101)]
    assert max(values) == values[25] == pytest.approx(1, abs=1e-3)
    assert values[0] == pytest.approx(0.04)
    assert values[-1] == pytest.approx(1e-4)
