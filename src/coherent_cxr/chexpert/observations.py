"""The codes of labels, and the labels of this process: CheXpert's fourteen (Irvin et al. 2019) or others.

Which labels there are is said once in a process, by the rule set that a run is configured with or by the
model that a service loads; :data:`OBSERVATIONS` and what follows from it show the labels of now. Child
processes find them in an environment variable.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar, overload

T = TypeVar("T")

FOURTEEN: Final[tuple[str, ...]] = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
"""Column order of the original tool. A mention of "No Finding" is a finding outside the other thirteen."""
NO_FINDING: Final = "No Finding"
"""Positive where nothing else is: every label set has it."""

POSITIVE: Final = 1
NEGATIVE: Final = 0
UNCERTAIN: Final = -1

STATUS_NAMES: Final[dict[int, str]] = {POSITIVE: "positive", NEGATIVE: "negative", UNCERTAIN: "uncertain"}

VARIABLE: Final = "COHERENT_CXR_LABEL_SET"
"""The environment variable by which child processes learn the labels."""


class LabelSetError(ValueError):
    """Labels that cannot be used, here or together with those of this process."""


@dataclass(frozen=True)
class LabelSet:
    """Labels that belong together.

    Attributes:
        observations: Their names, in the order of the columns.
        not_a_finding: Those that leave "No Finding" alone.
        shown: Rule set whose labels and mentions stand beside a single report: its name, or its file.
        content: What its file says, where it came with a model.
    """

    observations: tuple[str, ...] = FOURTEEN
    not_a_finding: tuple[str, ...] = ("Support Devices",)
    shown: str = "corrected"
    content: bytes | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if NO_FINDING not in self.observations or len(self.observations) < 2:
            raise LabelSetError(
                f"The labels are {', '.join(self.observations)[:200]}; they must be '{NO_FINDING}' and at "
                "least one more: a rule file names them under 'observations', and the first one under "
                "'aggregation.no_finding' too."
            )


_CHEXPERT: Final = LabelSet()
_now: LabelSet | None = None
_of_a_model = False


def label_set() -> LabelSet:
    """Return the labels of this process."""
    if _now is not None:
        return _now
    told = os.environ.get(VARIABLE)
    return _told(told) if told else _CHEXPERT


def use_label_set(labels: LabelSet | None) -> None:
    """Set the labels of this process, and of the children that it starts from now on.

    Args:
        labels: The labels; None for CheXpert's fourteen.
    """
    global _now, _of_a_model
    _now, _of_a_model = labels or _CHEXPERT, False
    os.environ.pop(VARIABLE, None)
    if _now != _CHEXPERT:
        names = [list(part) for part in (_now.observations, _now.not_a_finding)]
        os.environ[VARIABLE] = json.dumps([*names, _now.shown])


def adopt_label_set(labels: LabelSet) -> None:
    """Take over the labels of a model that is loaded.

    Raises:
        LabelSetError: If this process works with other labels, those of a run or of another model.
    """
    global _of_a_model
    own = label_set()
    if labels.observations != own.observations:
        if _of_a_model or own.observations != FOURTEEN:
            raise LabelSetError(
                f"its labels are {', '.join(labels.observations)[:200]}, but this process works with "
                f"{', '.join(own.observations)[:200]}; open it in a process of its own"
            )
        use_label_set(labels)
    elif labels.shown != own.shown and not _of_a_model and own == _CHEXPERT:
        use_label_set(labels)
    _of_a_model = True


def _told(text: str) -> LabelSet:
    observations, not_a_finding, shown = json.loads(text)
    return LabelSet(tuple(observations), tuple(not_a_finding), str(shown))


class Live(Sequence[T]):
    """A sequence that follows the labels of this process.

    Args:
        content: Makes its items.
    """

    def __init__(self, content: Callable[[], Sequence[T]]) -> None:
        self._content = content

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...

    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        return self._content()[place]

    def __len__(self) -> int:
        return len(self._content())

    def __iter__(self) -> Iterator[T]:
        return iter(self._content())

    def __contains__(self, item: object) -> bool:
        return item in self._content()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


class LiveMapping(Mapping[str, T]):
    """A mapping that follows the labels of this process.

    Args:
        content: Makes its items.
    """

    def __init__(self, content: Callable[[], Mapping[str, T]]) -> None:
        self._content = content

    def __getitem__(self, name: str) -> T:
        return self._content()[name]

    def __len__(self) -> int:
        return len(self._content())

    def __iter__(self) -> Iterator[str]:
        return iter(self._content())


OBSERVATIONS: Final = Live(lambda: label_set().observations)
"""The labels, in the order of the columns."""


def how_many(what: Literal["labels", "findings"] = "labels") -> str:
    """Name the whole set of labels in words: "14 labels", and "13 labels" without "No Finding"."""
    return f"{len(OBSERVATIONS) - (what == 'findings')} labels"
