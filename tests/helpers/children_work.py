"""What the tests of children let them do; as a program, a parent whose child trains slowly."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from pathlib import Path


class ErrorOfTwo(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def from_module(module, name):
    """Import a module and return what it calls so."""
    return getattr(importlib.import_module(module), name)


def meet(folder, name, others):
    """Leave this process' number, wait until so many have, and say what was found."""
    import torch

    place = Path(folder, name)
    writing = place.with_suffix(".writing")
    writing.write_text(str(os.getpid()))
    writing.replace(place)
    logging.getLogger("work").warning("%s is at it", name)
    until = time.monotonic() + 120
    while (met := len(list(place.parent.iterdir()))) < others and time.monotonic() < until:
        time.sleep(0.02)
    return {"name": name, "process": os.getpid(), "threads": torch.get_num_threads(), "met": met}


def time_before():
    """Say how much processor time this process has used until it does its work."""
    return time.process_time()


def fail(text):
    raise KeyError(text)


def fail_with_two(one, two):
    raise ErrorOfTwo(one, two)


def train(folder):
    """Train until the end of days, a step every twentieth of a second, with no checkpoint in between."""
    from helpers.toy import toy_loop

    steps = 0

    def step(point):
        nonlocal steps
        time.sleep(0.05)
        steps += 1
        if steps == 3:
            writing = Path(folder, "steps.writing")
            writing.write_text(str(os.getpid()))
            writing.replace(Path(folder, "steps"))

    toy_loop(Path(folder, "toy"), step, epochs=10**6, checkpoint_every=None).run()


def main(folder):
    from coherent_cxr.runtime.children import Children

    children = Children(1, 1)
    children.add("toy", train, (folder,))
    try:
        children.result("toy")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    from helpers import children_work

    children_work.main(sys.argv[1])
