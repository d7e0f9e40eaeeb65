"""A training run that takes a second: a small network, dropout, noise, and validation.

As a program it trains in a folder and sends itself a signal when it passes a named point for the n-th time.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch

from coherent_cxr.training.engine import checkpoint
from coherent_cxr.training.engine.loop import Loop

INPUTS = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS @ torch.tensor([1.0, -2.0, 0.5])


def toy_loop(
    folder: Path, pass_point: Callable[[str], None] = lambda name: None, dropout: float = 0.5, **changes
) -> Loop:
    torch.manual_seed(0)
    steps = 0  # the time in this run: a step takes a second
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(dropout), torch.nn.Linear(8, 1))

    def train_step(step, chosen, randomness):
        nonlocal steps
        steps += 1
        pass_point("step")
        noise = torch.randn(len(chosen), generator=randomness) if dropout else 0.0
        loss = (model(INPUTS[chosen]).squeeze(1) - TARGETS[chosen] + 0.1 * noise).square().mean()
        return loss, {"half": loss.item() / 2}

    def validate():
        model.eval()
        error = (model(INPUTS).squeeze(1) - TARGETS).square().mean().item()
        model.train()
        pass_point("validation")
        return {"score": -error}

    return Loop(
        **{
            "name": "toy",
            "model": model,
            "optimizer": torch.optim.Adam(model.parameters()),
            "samples": 20,
            "epochs": 4,
            "batch_size": 6,
            "seed": 5,
            "train_step": train_step,
            "validate": validate,
            "learning_rate": lambda step: 1e-2,
            "checkpoints": folder,
            "select": "score",
            "checkpoint_every": 3.0,
            "clock": lambda: float(steps),
            **changes,
        }
    )


def weights(run: Loop) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in run.model.parameters())


def main(folder: Path, point: str, count: int, number: signal.Signals) -> None:
    passed: Counter[str] = Counter()

    def pass_point(name: str) -> None:
        passed[name] += 1
        if (name, passed[name]) == (point, count):
            os.kill(os.getpid(), number)

    write_tensors = checkpoint.save_file  # type: ignore[attr-defined]

    def save_file(tensors, path):
        write_tensors(tensors, path)
        whole = path.read_bytes()
        path.write_bytes(whole[:100])
        pass_point("tensors half written")
        path.write_bytes(whole)
        pass_point("tensors written")

    # The library's writer, with places to die before, in and after the writing.
    checkpoint.save_file = save_file  # type: ignore[attr-defined]
    toy_loop(folder, pass_point).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), signal.Signals[(*sys.argv, "SIGKILL")[4]])
