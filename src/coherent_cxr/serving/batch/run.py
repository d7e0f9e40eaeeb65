"""Reports of all studies that were found, into an output, and a table of those that got none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from coherent_cxr.chexpert.io.writing import TableWriter
from coherent_cxr.runtime.progress_line import ProgressLine
from coherent_cxr.serving.batch.columns import EXCLUSIONS, exclusion_of
from coherent_cxr.serving.batch.listing import NO_IMAGE, Listing
from coherent_cxr.serving.batch.outputs import ReportSink
from coherent_cxr.serving.monitoring.drift_log import DriftLog
from coherent_cxr.serving.outputs.characters import storable
from coherent_cxr.serving.study.study import Refusal
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import StudyReport


class Counts(NamedTuple):
    """What came of it.

    Attributes:
        reports: Studies with a report.
        refused: Studies without one.
        passed_over: Files that are no images.
    """

    reports: int
    refused: int
    passed_over: int


def exclusions_beside(output: Path, is_folder: bool) -> Path:
    """Return where the table of what got no report stands."""
    return output / "exclusions.csv" if is_folder else output.with_name(f"{output.stem}_exclusions.csv")


def outcomes(
    writer: StudyWriter, listing: Listing, log: DriftLog | None = None
) -> Iterator[StudyReport | Refusal]:
    """Yield what was refused already, then a report of each study or why it gets none.

    Args:
        writer: Of the model.
        listing: Studies.
        log: Keeps numbers of every study that was looked at.
    """
    yield from listing.refused
    with ProgressLine(len(listing.studies), "reports", "studies") as line:
        for outcome in writer.write_many(listing.studies):
            if log is not None:
                log.add_outcome(outcome)
            yield outcome
            line.update()


def write_all(results: Iterable[StudyReport | Refusal], sink: ReportSink, exclusions: Path) -> Counts:
    """Write reports and the table of what got none.

    Args:
        results: Taken one at a time.
        sink: Takes the reports; opened already.
        exclusions: The table, with the columns ``id``, ``reason`` and ``detail``.
    """
    reports = refused = passed_over = 0
    with TableWriter(str(exclusions), EXCLUSIONS, "csv", spreadsheet=True) as table:
        for outcome in results:
            if isinstance(outcome, StudyReport):
                sink.write([outcome])
                reports += 1
                continue
            table.write([[storable(value) for value in exclusion_of(outcome).values()]])
            if outcome.reason == NO_IMAGE:
                passed_over += 1
            else:
                refused += 1
    return Counts(reports, refused, passed_over)
