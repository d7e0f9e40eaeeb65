"""The training loop that every stage shares: epochs, checkpoints, exact resume, best weights, history."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from coherent_cxr.training.checkpoint import Checkpoints, pack, step_seed, unpack
from coherent_cxr.training.history import History
from coherent_cxr.training.samples import shuffled_batches


class TrainingDivergedError(RuntimeError):
    """A loss that is no number any more; the message names the step and the last good checkpoint."""


TrainStep = Callable[[int, NDArray[np.int64], torch.Generator], tuple[Tensor, Mapping[str, float]]]
"""(step, chosen samples, randomness of this step) -> (loss to minimise, numbers to log)."""


@dataclass(frozen=True)
class Loop:
    """One training run.

    Attributes:
        name: Shown beside the progress bar.
        model: Module to train; its whole state is checkpointed.
        optimizer: Its optimiser.
        samples: Number of training samples.
        epochs: Passes over them.
        batch_size: Samples per step.
        seed: Everything random follows from (seed, epoch) or (seed, step).
        train_step: Computes the loss of one batch.
        validate: Returns validation numbers; called after every epoch (and before the first, if asked).
        learning_rate: Learning rate at a step.
        checkpoints: Folder of this run's checkpoints; its name carries the run's fingerprint.
        select: Validation number whose highest value decides which epoch's weights are kept; None: the last.
        clip_gradient: Largest norm of the gradient.
        validate_first: Also validate the starting weights, which then can be the ones kept.
        log_every: Steps whose numbers are averaged into one row of the history.
        extra_state: Returns further JSON state to checkpoint (moving averages).
        restore_extra: Takes that state back.
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
    clip_gradient: float = math.inf
    validate_first: bool = False
    log_every: int = 10
    extra_state: Callable[[], dict[str, Any]] = dict
    restore_extra: Callable[[dict[str, Any]], None] = lambda state: None

    @property
    def steps(self) -> int:
        """Number of steps of the whole run, at most."""
        return self.epochs * -(-self.samples // self.batch_size)

    def run(self) -> pd.DataFrame:
        """Train, or continue a killed run, to the same final weights; they are left in ``model``.

        Returns:
            The history (step, epoch, split, metric, value).

        Raises:
            TrainingDivergedError: If a loss becomes infinite or not a number.
        """
        with torch.random.fork_rng():
            return self._run()

    def _run(self) -> pd.DataFrame:
        store = Checkpoints(self.checkpoints)
        history, best, step, first_epoch = History(), -math.inf, 0, 0
        best_weights: dict[str, Tensor] = {}
        if (saved := store.load()) is not None:
            state, tensors = saved
            best_weights = {k[5:]: tensors.pop(k) for k in list(tensors) if k.startswith("best.")}
            unpack(tensors, self.model, self.optimizer)
            self.restore_extra(state["extra"])
            history, step, first_epoch = History(state["history"]), state["step"], state["epoch"]
            best = state["best"] if state["best"] is not None else -math.inf
        elif self.validate_first:
            best, best_weights = self._judge(history, step, 0, best, best_weights)
        bar = tqdm(total=self.steps, initial=step, desc=self.name, unit="step")
        for epoch in range(first_epoch, self.epochs):
            step = self._epoch(epoch, step, history, bar)
            best, best_weights = self._judge(history, step, epoch + 1, best, best_weights)
            tensors = pack(self.model, self.optimizer) | {f"best.{k}": v for k, v in best_weights.items()}
            store.save(
                {
                    "step": step,
                    "epoch": epoch + 1,
                    "best": best if math.isfinite(best) else None,
                    "history": history.rows,
                    "extra": self.extra_state(),
                },
                tensors,
            )
        bar.close()
        if best_weights:
            self.model.load_state_dict(best_weights)
        return history.table()

    def _epoch(self, epoch: int, step: int, history: History, bar: tqdm[Any]) -> int:
        order = torch.Generator().manual_seed(step_seed(self.seed, epoch))
        window: list[Mapping[str, float]] = []
        device = next(self.model.parameters()).device
        for chosen in shuffled_batches(self.samples, self.batch_size, order):
            rate = self.learning_rate(step)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            torch.manual_seed(step_seed(self.seed, epoch, step))  # dropout draws from the global generator
            randomness = torch.Generator(device).manual_seed(step_seed(self.seed, epoch, step, 1))
            loss, numbers = self.train_step(step, chosen, randomness)
            if not math.isfinite(loss.item()):
                raise TrainingDivergedError(
                    f"{self.name}: the loss became {loss.item()} at step {step} (epoch {epoch + 1}). The "
                    f"last good checkpoint lies in '{self.checkpoints}'. Lower the learning rate and run "
                    "again."
                )
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_gradient)
            self.optimizer.step()
            step += 1
            window.append(
                {**numbers, "loss": loss.item(), "gradient_norm": float(norm), "learning_rate": rate}
            )
            if len(window) == self.log_every:
                history.log(step, step / self.steps * self.epochs, "train", _means(window))
                window = []
            bar.update()
            bar.set_postfix(epoch=epoch + 1, loss=f"{loss.item():.3f}")
        if window:
            history.log(step, epoch + 1, "train", _means(window))
        return step

    def _judge(
        self, history: History, step: int, epoch: int, best: float, best_weights: dict[str, Tensor]
    ) -> tuple[float, dict[str, Tensor]]:
        numbers = self.validate()
        history.log(step, epoch, "validation", numbers)
        tqdm.write(
            f"{self.name}, epoch {epoch}: "
            + ", ".join(f"{name} {value:.3f}" for name, value in numbers.items() if "/" not in name)
        )
        if self.select is None or numbers[self.select] <= best:
            return best, best_weights
        return numbers[self.select], {
            name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()
        }


def _means(window: list[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([numbers[name] for numbers in window])) for name in window[-1]}


def one_cycle(progress: float, warm_up: float = 0.25) -> float:
    """Share of the peak learning rate at a share of the run: linear up, cosine down (Smith 2018)."""
    if progress < warm_up:
        return 0.04 + 0.96 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * min((progress - warm_up) / (1 - warm_up), 1))) + 1e-4
