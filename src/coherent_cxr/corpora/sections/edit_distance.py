"""Edit distance of two words."""

from __future__ import annotations


def within(a: str, b: str, max_distance: int) -> int | None:
    """Count the changes that make one word the other: letters put in, left out, changed, or two swapped.

    This is the optimal string alignment distance (Damerau 1964): "COMPARSION" and "COMPARISON" are 1 apart.

    Args:
        a: A word.
        b: Another.
        max_distance: Most changes; the time grows with it, not with the square of the words' lengths.

    Returns:
        The number, or None if it is above ``most``.
    """
    if abs(len(a) - len(b)) > max_distance:
        return None
    far = max_distance + 1
    before: list[int] = []
    row = [min(column, far) for column in range(len(b) + 1)]
    for i, letter in enumerate(a, start=1):
        before, above, row = row, before, [min(i, far)] + [far] * len(b)
        for j in range(max(1, i - max_distance), min(len(b), i + max_distance) + 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != b[j - 1]))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == b[j - 1]:
                cost = min(cost, above[j - 2] + 1)
            row[j] = min(cost, far)
        if min(row) == far:
            return None
    return row[-1] if row[-1] <= max_distance else None
