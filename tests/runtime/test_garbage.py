"""While a program starts, Python's garbage collector waits; afterwards it collects what is new."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from coherent_cxr.runtime.garbage import STARTING, collect_as_usual, collect_seldom, starting


@pytest.fixture
def usual() -> Iterator[int]:
    """The threshold that holds outside a start; nothing stays frozen."""
    collect_as_usual()
    collect_seldom.cache_clear()
    yield gc.get_threshold()[0]
    collect_as_usual()
    gc.unfreeze()


class Cycle:
    def __init__(self) -> None:
        self.myself = self


def test_a_block_collects_seldom_and_after_it_new_garbage_is_collected(usual: int) -> None:
    with starting():
        assert gc.get_threshold()[0] == STARTING
    assert gc.get_threshold()[0] == usual < STARTING
    assert gc.get_freeze_count() > 0
    made = weakref.ref(Cycle())
    gc.collect()
    assert made() is None


def test_a_block_that_fails_ends_it_too(usual: int) -> None:
    with pytest.raises(RuntimeError), starting():
        raise RuntimeError
    assert gc.get_threshold()[0] == usual


def test_a_process_starts_once(usual: int) -> None:
    with starting():
        pass
    frozen = gc.get_freeze_count()
    made = [Cycle() for _ in range(9)]
    with starting():
        assert gc.get_threshold()[0] == usual
    assert gc.get_freeze_count() == frozen
    assert len(made) == 9
