"""The training loop that every stage shares: epochs, checkpoints, exact resume, best weights, history."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coherent_cxr.configuration import Settings
from coherent_cxr.inference.samples import batches_per_epoch, shuffled_batches
from coherent_cxr.runtime.distributed import current_world
from coherent_cxr.runtime.interruption import Interruption
from coherent_cxr.runtime.pace import Pace
from coherent_cxr.runtime.progress_line import ProgressLine
from coherent_cxr.storage.exclusive import sole_holder
from coherent_cxr.training.engine.checkpoint import LOCK, Checkpoints, pack, step_seed, unpack
from coherent_cxr.training.engine.divergence import EndedEarlyError, refuse_infinite_tensors, refuse_infinity
from coherent_cxr.training.engine.progress import Progress

logger = logging.getLogger(__name__)

INTERRUPTED = "interrupted"

VALIDATION_SHARE = 0.25
"""Share of the time between checkpoints after which one is written before a validation, too."""

SETTINGS = (
    *("epochs", "batch_size", "seed", "select"),
    *("patience", "clip_gradient", "accumulate", "checkpoint_every"),
)
"""What stages set of their loop, under the same name."""

TrainStep = Callable[[int, NDArray[np.int64], torch.Generator], tuple[Tensor, Mapping[str, float]]]
"""(step, chosen samples, randomness of this step) -> (mean loss over them, numbers to log).

With several ranks or accumulation, a step calls it for parts of its batch and weighs each by its samples.
"""


def loop_settings(config: Settings) -> dict[str, Any]:
    """Return those settings of a stage that its loop has under the same name."""
    return {name: getattr(config, name) for name in SETTINGS if name in type(config).model_fields}


@dataclass
class Loop:
    """One training run.

    Attributes:
        name: Shown on the progress line.
        model: Module to train; its whole state is checkpointed.
        optimizer: Its optimiser; a parameter group's ``scale`` multiplies the learning rate.
        samples: Number of training samples.
        epochs: Passes over them.
        batch_size: Samples per step, over all ranks.
        seed: Everything random follows from (seed, epoch) or (seed, epoch, step).
        train_step: Computes the loss of one batch, or of a part of it.
        validate: Returns validation numbers; called after every epoch (and before the first, if asked).
        learning_rate: Learning rate at a step.
        checkpoints: Folder of this run's checkpoints; its name carries the run's key.
        select: Validation number whose highest value decides which epoch's weights are kept; None: the last.
        patience: Validations without a better value of ``select`` after which training ends; None: never.
        clip_gradient: Largest norm of the gradient.
        accumulate: Parts that a rank computes its share of a batch in, to save memory.
        validate_first: Also validate the starting weights, which then can be the ones kept.
        keep_validated: Where nothing selects, keep the weights of the last validation, which is what a run
            that is ended early falls back to.
        log_every: Steps whose numbers are averaged into one row of the history.
        checkpoint_every: Seconds between checkpoints within an epoch; None: after each epoch only.
        extra_state: Returns further JSON state to checkpoint (moving averages).
        restore_extra: Takes that state back.
        inspect: Sees (epoch, numbers) of a validation before its weights can be kept; an EndedEarlyError
            that it raises ends the run without them.
        clock: Gives the time in seconds, for the checkpoints.
        progress: How far the run has come; filled by :meth:`run`.
    """

    name: str
    model: nn.Module
    optimizer: torch.optim.Optimizer
    samples: int
    epochs: int
    batch_size: int
    seed: int
    train_step: TrainStep
    validate: Callable[[], dict[str, float]]
    learning_rate: Callable[[int], float]
    checkpoints: Path
    select: str | None = None
    patience: int | None = None
    clip_gradient: float = math.inf
    accumulate: int = 1
    validate_first: bool = False
    keep_validated: bool = False
    log_every: int = 10
    checkpoint_every: float | None = 60.0
    extra_state: Callable[[], dict[str, Any]] = dict
    restore_extra: Callable[[dict[str, Any]], None] = lambda state: None
    inspect: Callable[[int, Mapping[str, float]], None] = lambda epoch, numbers: None
    clock: Callable[[], float] = time.monotonic
    progress: Progress = field(init=False, default_factory=Progress)
    _validated: dict[str, str] = field(init=False, default_factory=dict)

    @property
    def steps(self) -> int:
        """Number of steps of the whole run, at most."""
        return self.epochs * batches_per_epoch(self.samples, self.batch_size)

    def run(self) -> pd.DataFrame:
        """Train, or continue a killed run, to the same final weights; they are left in ``model``.

        A second run of the same training waits until the first has ended. Ctrl-C and SIGTERM end a run after
        its step, with a checkpoint.

        Returns:
            The history (step, epoch, split, metric, value).

        Raises:
            TrainingDivergedError: If a loss, a gradient or a weight becomes infinite or not a number.
            EndedEarlyError: If a step raised it; the kept weights are in ``model`` all the same.
            OSError: If a checkpoint cannot be written.
        """
        with torch.random.fork_rng():
            if not current_world().leads:
                return self._run()
            with sole_holder(self.checkpoints / LOCK, self.name):
                return self._run()

    def _run(self) -> pd.DataFrame:
        world, store = current_world(), Checkpoints(self.checkpoints)
        pace = Pace(self.checkpoint_every, self.clock)
        saved = world.from_leader(store.load() if world.leads else None)
        self.progress = progress = Progress()
        if saved is not None:
            state, tensors = saved
            unpack(tensors, self.model, self.optimizer)
            self.restore_extra(state["extra"])
            self.progress = progress = Progress.from_json(state)
        ended: EndedEarlyError | None = None
        with Interruption(self.name) as interruption:
            if saved is None and self.validate_first:
                self._judge(store, interruption)
                self._save(store, pace)
            line = ProgressLine(self.steps, self.name, "steps", done=progress.step, shown=world.leads)
            try:
                while progress.epoch < self.epochs and not self._waited_enough():
                    self._epoch(store, pace, interruption, line)
                    if pace.due(VALIDATION_SHARE):
                        self._save(store, pace)
                    self._judge(store, interruption)
                    progress.epoch, progress.batches = progress.epoch + 1, 0
                    self._save(store, pace)
            except EndedEarlyError as early:
                ended = early
            line.close()
        if progress.best_step is not None:
            best = store.load_best(progress.best_step) if world.leads else {}
            self.model.load_state_dict(world.from_leader(best))
        elif self.select is not None:
            logger.warning(
                "%s: no validation gave the number '%s' that is to choose an epoch; the last weights are "
                "kept.",
                self.name,
                self.select,
            )
        history = progress.history.table()
        if ended is not None:
            ended.history = history
            raise ended
        return history

    def _epoch(self, store: Checkpoints, pace: Pace, interruption: Interruption, line: ProgressLine) -> None:
        progress = self.progress
        order = torch.Generator().manual_seed(step_seed(self.seed, progress.epoch))
        for batch, chosen in enumerate(shuffled_batches(self.samples, self.batch_size, order)):
            if batch < progress.batches:  # done before a kill
                continue
            progress.note_threads(torch.get_num_threads(), self.name)
            numbers = self._step(chosen, interruption)
            interrupted = numbers.pop(INTERRUPTED) > 0
            progress.step += 1
            progress.batches = batch + 1
            progress.window.append(numbers)
            if len(progress.window) == self.log_every:
                progress.log_window(progress.step / self.steps * self.epochs)
            line.update(1, **_shown(progress.epoch + 1, numbers), **self._validated)
            if interrupted:
                self._save(store, pace)
                interruption.obey(self._continues())
            elif pace.due():
                self._save(store, pace)
        if progress.window:
            progress.log_window(progress.epoch + 1)

    def _step(self, chosen: NDArray[np.int64], interruption: Interruption) -> dict[str, float]:
        """Take one step on a batch, this rank on its share of it, and return the batch's numbers.

        How many ranks were interrupted is one of them, so that all ranks end at the same step.
        """
        began = time.perf_counter()
        progress = self.progress
        rate = self.learning_rate(progress.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        world, device = current_world(), next(self.model.parameters()).device
        self.optimizer.zero_grad(set_to_none=True)
        mine: dict[str, float] = {}
        for place in range(world.rank * self.accumulate, (world.rank + 1) * self.accumulate):
            part = chosen[place :: world.size * self.accumulate]
            if len(part) == 0:
                continue
            where = (progress.epoch, progress.step, place)
            torch.manual_seed(step_seed(self.seed, *where))  # dropout draws from the global generator
            randomness = torch.Generator(device).manual_seed(step_seed(self.seed, *where, 1))
            loss, numbers = self.train_step(progress.step, part, randomness)
            share = len(part) / len(chosen)
            (loss * share).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            for name, value in {**numbers, "loss": loss.item()}.items():
                mine[name] = mine.get(name, 0.0) + share * value
        mine[INTERRUPTED] = float(interruption.noted)
        totals: dict[str, float] = {}
        for of_rank in world.gather(mine):
            for name, value in of_rank.items():
                totals[name] = totals.get(name, 0.0) + value
        refuse_infinity(self.name, "loss", totals["loss"], progress, self.checkpoints)
        world.add_gradients(self.model.parameters())
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_gradient))
        refuse_infinity(self.name, "norm of the gradient", norm, progress, self.checkpoints)
        self.optimizer.step()
        speed = len(chosen) / (time.perf_counter() - began)
        return {**totals, "gradient_norm": norm, "learning_rate": rate, "images_per_second": speed}

    def _judge(self, store: Checkpoints, interruption: Interruption) -> None:
        """Validate in rank 0, and keep the weights if they are the best so far."""
        world, progress = current_world(), self.progress
        with interruption.at_once(self._continues()):
            numbers = world.from_leader(self.validate() if world.leads else {})
        epoch = progress.epoch + 1 if progress.step else 0
        progress.history.log(progress.step, epoch, "validation", numbers)
        if world.leads:
            shown = ", ".join(f"{name} {value:.3f}" for name, value in numbers.items() if "/" not in name)
            logger.debug("%s, epoch %d: %s", self.name, epoch, shown)
            judged_by = self.select or next((n for n in ("reward", *numbers) if n in numbers), None)
            if judged_by in numbers:
                self._validated = {f"validation {judged_by}": f"{numbers[judged_by]:.3f}"}
        self.inspect(epoch, numbers)
        if self.select is None and not self.keep_validated:
            return
        progress.waited += 1
        # A number that cannot be computed on the validation samples selects nothing: the last weights stay.
        value = float(progress.step) if self.select is None else numbers.get(self.select, -math.inf)
        if value > progress.best:
            progress.best, progress.best_step, progress.waited = value, progress.step, 0
            if world.leads:
                store.save_best(progress.step, self.model.state_dict())

    def _waited_enough(self) -> bool:
        return self.patience is not None and self.progress.waited >= self.patience

    def _continues(self) -> str:
        progress = self.progress
        return (
            f"Run the same command again, and it continues at its last checkpoint, at most step "
            f"{progress.step} of {self.steps} (epoch {progress.epoch + 1}), in '{self.checkpoints}'."
        )

    def _save(self, store: Checkpoints, pace: Pace) -> None:
        if not current_world().leads:
            return
        with pace.writing():
            tensors = pack(self.model, self.optimizer)
            refuse_infinite_tensors(self.name, tensors, self.progress, self.checkpoints)
            store.save({**self.progress.to_json(), "extra": self.extra_state()}, tensors)


def _shown(epoch: int, numbers: Mapping[str, float]) -> dict[str, Any]:
    """Return what stands behind the progress line, which itself shows steps and the time left."""
    losses = {name: f"{value:.3f}" for name, value in numbers.items() if name.endswith("loss")}
    speed = f"{numbers['images_per_second']:.0f}"
    return {"epoch": epoch, **losses, "lr": f"{numbers['learning_rate']:.1e}", "images/s": speed}
