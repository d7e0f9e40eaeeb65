"""Checkpoints that make a training run resumable with the same result, bit for bit on a CPU.

Everything random in training is drawn from (seed, epoch, step), never from a state that runs along, so a
checkpoint needs only weights, optimiser moments, the position and the history.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from coherent_cxr.training.engine.history_file import HistoryFile

logger = logging.getLogger(__name__)

STATE, TENSORS, HISTORY, LOCK = "state.json", "tensors.safetensors", "history.jsonl", "lock"
WRITING, DAMAGED = ".writing", ".damaged"


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be read; the message says what to do."""


def step_seed(seed: int, *where: int) -> int:
    """Derive the seed of one step (or epoch, or part of a batch) from the run's seed."""
    text = ",".join(str(number) for number in (seed, *where))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


class Checkpoints:
    """The last and the best checkpoint of one run: folders ``step-<step>-<epochs>`` and ``best-<step>``.

    Each is written beside its place and moved there, so a kill leaves a whole one or none; the state of the
    last names the best (``best_step``), and only when it is in place are their predecessors removed. The
    history grows in a file of its own; a state says how much of it belongs to it. One process at a time may
    use a folder.

    Args:
        folder: Folder of this run alone; its name should carry what the run depends on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._history = HistoryFile(folder / HISTORY)

    def save(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write the last checkpoint.

        Args:
            state: Plain JSON with at least ``step`` and finished epochs as ``epoch``; rows under ``history``
                must begin with those of the checkpoint before.
            tensors: Weights and whatever else belongs to the state.

        Raises:
            OSError: If the disk is full or cannot be written; the checkpoint before stays.
        """
        # A last step is saved before and after its validation, so the step alone is no name.
        fresh = self.folder / f"{_name('step', state['step'])}-{state['epoch']:04d}"
        try:
            length = self._history.extend_to(state.get("history", []))
        except OSError as error:
            raise _unwritable(fresh, error) from error
        self._write(fresh, tensors, {**state, "history": length})
        current = {fresh.name, _name("best", state.get("best_step"))}
        for old in self.folder.iterdir():
            if old.name not in current and old.is_dir() and old.suffix != DAMAGED:
                shutil.rmtree(old, ignore_errors=True)

    def save_best(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Write the best weights so far; they count once :meth:`save` has written a state that names them."""
        self._write(self.folder / _name("best", step), tensors, {"step": step})

    def load(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Return the last whole checkpoint, or None; one that is damaged is set aside with a warning."""
        complete = [p for p in self.folder.glob("step-*") if p.suffix not in (WRITING, DAMAGED)]
        for place in sorted(complete, reverse=True):
            try:
                state: dict[str, Any] = json.loads((place / STATE).read_text())
                tensors = load_file(place / TENSORS)
                return {**state, "history": self._history.read(state["history"])}, tensors
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
                aside = place.with_suffix(DAMAGED)
                shutil.rmtree(aside, ignore_errors=True)
                place.replace(aside)
                logger.warning(
                    "The checkpoint '%s' is damaged (%.200s). It lies in '%s' now, and training continues "
                    "at the one before, or begins again where there is none.",
                    place,
                    error,
                    aside,
                )
        return None

    def load_best(self, step: int) -> dict[str, Tensor]:
        """Return the best weights, found at a step.

        Raises:
            CheckpointError: If they cannot be read.
        """
        place = self.folder / _name("best", step)
        try:
            return load_file(place / TENSORS)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"The best weights of this training, '{place}', cannot be read ({str(error)[:200]}). Delete "
                f"'{self.folder}' and run again to train from the start."
            ) from error

    def _write(self, place: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        writing = place.with_suffix(WRITING)
        shutil.rmtree(writing, ignore_errors=True)
        try:
            writing.mkdir(parents=True)
            save_file(
                {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, writing / TENSORS
            )
            (writing / STATE).write_text(json.dumps(state))
            for name in (TENSORS, STATE):  # a move may reach the disk before what was written
                with (writing / name).open("rb") as file:
                    os.fsync(file.fileno())
        except (OSError, SafetensorError) as error:
            shutil.rmtree(writing, ignore_errors=True)
            raise _unwritable(place, error) from error
        # A place that is taken holds the same content, written before a kill and named by no state yet.
        shutil.rmtree(place, ignore_errors=True)
        writing.replace(place)


def _unwritable(place: Path, error: Exception) -> OSError:
    return OSError(
        f"The checkpoint '{place}' could not be written ({str(error)[:200]}). Free some space or correct the "
        "setting checkpoint_folder, and run again: training continues at the checkpoint before."
    )


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
