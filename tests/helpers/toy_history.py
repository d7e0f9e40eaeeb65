"""What of a toy's history repeats, and what interrupts it."""

from __future__ import annotations

# Speed is the one number that no two runs share.
SPEED = "images_per_second"


def without_speed(history):
    return history[history["metric"] != SPEED].reset_index(drop=True)


def dying(at: str, count: int):
    passed = 0

    def pass_point(name: str) -> None:
        nonlocal passed
        passed += name == at
        if name == at and passed == count:
            raise KeyboardInterrupt

    return pass_point
