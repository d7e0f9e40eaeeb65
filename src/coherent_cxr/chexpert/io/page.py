"""A page that shows reports with their mentions highlighted by status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from coherent_cxr.chexpert.engine.labeller import Mention
from coherent_cxr.chexpert.io.reading import ReportFileError
from coherent_cxr.chexpert.observations import NEGATIVE, POSITIVE, STATUS_NAMES, UNCERTAIN
from coherent_cxr.pages.rendering import environment
from coherent_cxr.pages.spans import whole_words
from coherent_cxr.storage.whole import written_whole


@dataclass(frozen=True)
class Segment:
    """A stretch of a report under the same mentions, whole words.

    Attributes:
        text: Its characters.
        status: "positive", "uncertain" or "negative", the first of these that one of its mentions has; empty
            without a mention.
        note: What its mentions say, one per line.
    """

    text: str
    status: str = ""
    note: str = ""


@dataclass(frozen=True)
class ExplainedReport:
    """A report as the page shows it.

    Attributes:
        number: Its row, from 1.
        segments: Its text, in order and complete.
        labels: The labels that are not blank, by observation.
    """

    number: int
    segments: list[Segment]
    labels: dict[str, str]


def explain_report(
    number: int, text: str | None, mentions: Sequence[Mention], labels: dict[str, int | None]
) -> ExplainedReport:
    """Cut a report into segments for the page.

    Args:
        number: Its row, from 1.
        text: The report as given.
        mentions: Its mentions.
        labels: Its labels.

    Returns:
        The report, whose segments joined give ``text`` again.
    """
    named = {name: STATUS_NAMES[label] for name, label in labels.items() if label is not None}
    return ExplainedReport(number, list(_segments(text or "", mentions)), named)


def write_page(path: str | Path, reports: Iterable[ExplainedReport], rules: str) -> None:
    """Write the page, report by report.

    Args:
        path: Where to; the file appears when all of it is written.
        reports: The reports.
        rules: Name of the rule set, shown at the top.

    Raises:
        ReportFileError: If the file cannot be written.
    """
    template = environment("coherent_cxr.chexpert.io").get_template("mentions.html")
    try:
        with written_whole(Path(path), make_folders=False) as place, place.open("wb") as stream:
            template.stream(reports=reports, rules=rules).dump(stream, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ReportFileError(f"The page {path} cannot be written ({error.strerror}).") from error


def _segments(text: str, mentions: Sequence[Mention]) -> Iterator[Segment]:
    placed = sorted(((*whole_words(text, m.start, m.end), m) for m in mentions), key=lambda place: place[0])
    edges = sorted({0, len(text), *(edge for start, end, _ in placed for edge in (start, end))})
    opened: list[tuple[int, Mention]] = []
    upcoming = 0
    for start, end in pairwise(edges):
        opened = [(until, mention) for until, mention in opened if until > start]
        while upcoming < len(placed) and placed[upcoming][0] <= start:
            opened.append(placed[upcoming][1:])
            upcoming += 1
        statuses = {mention.status for _, mention in opened}
        status = next((STATUS_NAMES[s] for s in (POSITIVE, UNCERTAIN, NEGATIVE) if s in statuses), "")
        note = "\n".join(f"{m.observation}: {STATUS_NAMES[m.status]} ({m.rule})" for _, m in opened)
        yield Segment(text[start:end], status, note)
