"""Checkpoints that make a training run resumable with the same result, bit for bit on a CPU.

Everything random in training is drawn from (seed, step), never from a state that runs along, so a checkpoint
needs only weights, optimiser moments, the step and the history.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

STATE, TENSORS = "state.json", "tensors.safetensors"


def fingerprint(*parts: object) -> str:
    """Return a short digest of everything a run depends on: configuration, data, starting weights."""
    return hashlib.sha256(json.dumps([str(p) for p in parts]).encode()).hexdigest()[:16]


def step_seed(seed: int, *where: int) -> int:
    """Derive the seed of one step (or epoch, or rank) from the run's seed."""
    text = ",".join(str(number) for number in (seed, *where))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


class Checkpoints:
    """The last checkpoint of one run, replaced atomically.

    Args:
        folder: Folder of this run alone; its name should carry the run's :func:`fingerprint`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Write a checkpoint beside the last one and swap them; a kill leaves either, never a half."""
        fresh = self.folder / f"step-{state['step']:08d}"
        writing = fresh.with_suffix(".writing")
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir(parents=True)
        save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, writing / TENSORS)
        (writing / STATE).write_text(json.dumps(state))
        shutil.rmtree(fresh, ignore_errors=True)
        writing.replace(fresh)
        for old in self._complete()[:-1]:
            shutil.rmtree(old, ignore_errors=True)

    def load(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Return the newest complete checkpoint, or None."""
        complete = self._complete()
        if not complete:
            return None
        state: dict[str, Any] = json.loads((complete[-1] / STATE).read_text())
        return state, load_file(complete[-1] / TENSORS)

    def _complete(self) -> list[Path]:
        return sorted(p for p in self.folder.glob("step-*") if p.suffix != ".writing")


def pack(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten the weights and the optimiser's moments into named tensors."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value)
    return tensors


def unpack(tensors: dict[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put packed tensors back into a model and its optimiser."""
    model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            moments.setdefault(int(index), {})[key] = value
    described = optimizer.state_dict()
    described["state"] = moments
    optimizer.load_state_dict(described)
