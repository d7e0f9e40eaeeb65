"""Checkpoints that make a training run resumable with the same result, bit for bit on a CPU.

Everything random in training is drawn from (seed, epoch, step), never from a state that runs along, so a
checkpoint needs only weights, optimiser moments, the position and the history.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

STATE, TENSORS = "state.json", "tensors.safetensors"
WRITING = ".writing"


def fingerprint(*parts: object) -> str:
    """Return a short digest of everything a run depends on: configuration, data, starting weights."""
    return hashlib.sha256(json.dumps([str(p) for p in parts]).encode()).hexdigest()[:16]


def step_seed(seed: int, *where: int) -> int:
    """Derive the seed of one step (or epoch, or part of a batch) from the run's seed."""
    text = ",".join(str(number) for number in (seed, *where))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


class Checkpoints:
    """The last and the best checkpoint of one run: folders ``step-<step>-<epochs>`` and ``best-<step>``.

    Each is written beside its place and moved there, so a kill leaves a whole one or none; the state of the
    last names the best (``best_step``), and only when it is in place are their predecessors removed.

    Args:
        folder: Folder of this run alone; its name should carry the run's :func:`fingerprint`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, state: dict[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write the last checkpoint; its state is plain JSON with at least ``step`` and finished epochs."""
        # A last step is saved before and after its validation, so the step alone is no name.
        fresh = self.folder / f"{_name('step', state['step'])}-{state['epoch']:04d}"
        self._write(fresh, tensors, state)
        wanted = {fresh.name, _name("best", state.get("best_step"))}
        for old in self.folder.iterdir():
            if old.name not in wanted and old.is_dir():
                shutil.rmtree(old, ignore_errors=True)

    def save_best(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Write the best weights so far; they count once :meth:`save` has written a state that names them."""
        self._write(self.folder / _name("best", step), tensors, {"step": step})

    def load(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Return the last checkpoint, or None."""
        complete = sorted(p for p in self.folder.glob("step-*") if p.suffix != WRITING)
        if not complete:
            return None
        state: dict[str, Any] = json.loads((complete[-1] / STATE).read_text())
        return state, load_file(complete[-1] / TENSORS)

    def load_best(self, step: int) -> dict[str, Tensor]:
        """Return the best weights, found at a step."""
        return load_file(self.folder / _name("best", step) / TENSORS)

    def _write(self, place: Path, tensors: Mapping[str, Tensor], state: dict[str, Any]) -> None:
        writing = place.with_suffix(WRITING)
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir(parents=True)
        save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, writing / TENSORS)
        (writing / STATE).write_text(json.dumps(state))
        # A place that is taken holds the same content, written before a kill and named by no state yet.
        shutil.rmtree(place, ignore_errors=True)
        writing.replace(place)


def _name(kind: str, step: int | None) -> str:
    return "" if step is None else f"{kind}-{step:08d}"


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
