"""Edit distances are those of their definition."""

from hypothesis import given, settings
from hypothesis import strategies as st

from coherent_cxr.corpora.sections.edit_distance import within


def _slow_distance(a: str, b: str) -> int:
    """Optimal string alignment by its definition."""
    if not a or not b:
        return len(a) + len(b)
    best = min(
        _slow_distance(a[1:], b) + 1,
        _slow_distance(a, b[1:]) + 1,
        _slow_distance(a[1:], b[1:]) + (a[0] != b[0]),
    )
    if len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0]:
        best = min(best, _slow_distance(a[2:], b[2:]) + 1)
    return best


@settings(deadline=None)
@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.integers(0, 4))
def test_distances_are_those_of_the_definition(a: str, b: str, most: int) -> None:
    distance = _slow_distance(a, b)
    assert within(a, b, most) == (distance if distance <= most else None)


def test_known_distances() -> None:
    assert within("comparsion", "comparison", 2) == 1
    assert within("findngs", "findings", 2) == 1
    assert within("imprssoin", "impression", 2) == 2
    assert within("occlusion", "conclusion", 1) is None
