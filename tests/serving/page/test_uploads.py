"""Uploads of the page: each visitor's for that visitor alone, within limits, gone with the visit."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from coherent_cxr.serving.page.uploads import RefusedUploadError, UploadLimits, Visits

LIMITS = UploadLimits(max_file_bytes=100, max_images=3, max_study_bytes=150, max_held_bytes=200)


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


def send(visits: Visits, token: str, position: int, *data: bytes, name: str = "one.dcm") -> None:
    asyncio.run(visits.receive(token, position, name, pieces(*data)))


def status_of(visits: Visits, token: str, position: int, *data: bytes) -> int:
    with pytest.raises(RefusedUploadError) as refused:
        send(visits, token, position, *data)
    return refused.value.status


@pytest.fixture
def visits() -> Visits:
    return Visits(LIMITS)


def test_a_study_arrives_in_order_and_the_next_one_replaces_it(visits: Visits) -> None:
    visit = visits.open()
    send(visits, visit.token, 0, b"a", b"b")
    send(visits, visit.token, 1, b"c", name="two.dcm")
    assert [(image.name, image.data) for image in visit.images] == [("one.dcm", b"ab"), ("two.dcm", b"c")]
    send(visits, visit.token, 0, b"d")
    assert [image.data for image in visit.images] == [b"d"]


def test_one_visitor_never_gets_the_images_of_another(visits: Visits) -> None:
    one, other = visits.open(), visits.open()
    assert one.token != other.token
    send(visits, one.token, 0, b"one")
    assert other.images == []
    assert one.token not in repr(one)


def test_a_visit_that_ends_leaves_nothing_behind(visits: Visits) -> None:
    visit = visits.open()
    token, gone = visit.token, weakref.ref(visit)
    send(visits, token, 0, b"a" * 90)
    visits.close(visit)
    assert visit.images == []
    del visit
    gc.collect()
    assert gone() is None
    assert visits.held == 0
    assert status_of(visits, token, 0, b"a") == 404


def test_what_is_too_large_is_refused_before_its_end_and_counts_no_longer(visits: Visits) -> None:
    visit = visits.open()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 60

    with pytest.raises(RefusedUploadError, match="larger than"):
        asyncio.run(visits.receive(visit.token, 0, "x", endless()))
    assert visits.held == 0
    send(visits, visit.token, 0, b"x" * 100)
    assert status_of(visits, visit.token, 1, b"x" * 60) == 413  # of the study
    assert visits.held == 100


def test_all_visitors_together_have_a_limit_too(visits: Visits) -> None:
    one, other = visits.open(), visits.open()
    send(visits, one.token, 0, b"x" * 100)
    send(visits, one.token, 1, b"x" * 50)
    assert status_of(visits, other.token, 0, b"x" * 60) == 429
    visits.close(one)
    send(visits, other.token, 0, b"x" * 60)


def test_pages_beyond_the_limit_are_told_to_come_again() -> None:
    visits = Visits(UploadLimits(max_visits=2))
    first, _ = visits.open(), visits.open()
    with pytest.raises(RefusedUploadError, match="Too many pages") as refused:
        visits.open()
    assert refused.value.status == 503
    visits.close(first)
    visits.open()


def test_an_image_that_never_arrives_is_given_up() -> None:
    visits = Visits(UploadLimits(read_seconds=0.05))
    visit = visits.open()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(60)

    with pytest.raises(RefusedUploadError, match=r"within 0\.05 s") as refused:
        asyncio.run(visits.receive(visit.token, 0, "x", stuck()))
    assert (refused.value.status, visits.held) == (408, 0)


@pytest.mark.parametrize(("position", "status"), [(3, 413), (9999, 413), (1, 409)])
def test_a_place_that_a_study_does_not_have_is_refused(visits: Visits, position: int, status: int) -> None:
    assert status_of(visits, visits.open().token, position, b"a") == status


@pytest.mark.parametrize("token", ["", "x", "../", "é"])
def test_an_unknown_page_is_refused(visits: Visits, token: str) -> None:
    assert status_of(visits, token, 0, b"a") == 404


def test_an_upload_that_ends_after_its_visit_is_dropped(visits: Visits) -> None:
    visit = visits.open()

    async def closed_meanwhile() -> AsyncIterator[bytes]:
        yield b"a"
        visits.close(visit)
        yield b"b"

    with pytest.raises(RefusedUploadError, match="closed"):
        asyncio.run(visits.receive(visit.token, 0, "x", closed_meanwhile()))
    assert visit.images == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("C:\\scans\\one.dcm", "one.dcm"),
        ("/a/b/one.dcm", "one.dcm"),
        ("", "Image 1"),
        ("one\n\x1b.dcm", "one\\n\\x1b.dcm"),
        ("…/", "Image 1"),
    ],
)
def test_a_name_is_one_short_line_without_folders(visits: Visits, given: str, shown: str) -> None:
    visit = visits.open()
    send(visits, visit.token, 0, b"a", name=given)
    assert visit.images[0].name == shown
    send(visits, visit.token, 0, b"a", name="n" * 5000)
    assert len(visit.images[0].name) <= 100
