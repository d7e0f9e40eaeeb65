"""Where reports of many studies go: tables, one document for all, or one for each."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Protocol, Self

from coherent_cxr.chexpert.io.writing import TableWriter
from coherent_cxr.serving.batch.columns import COLUMNS, row_of
from coherent_cxr.serving.outputs.characters import storable
from coherent_cxr.serving.outputs.formats import FORMATS, Format
from coherent_cxr.serving.outputs.identification import Identification
from coherent_cxr.serving.outputs.rexrank import rexrank_entry
from coherent_cxr.serving.study_report import StudyReport
from coherent_cxr.storage.whole import written_whole

LIBRARIES = {"dicom-sr": "highdicom", "dicom-sr-measurements": "highdicom", "fhir": "fhir.resources"}
"""What some formats need."""


class ReportSink(Protocol):
    """Takes reports, batch by batch; used in a ``with`` statement, at whose end everything is written."""

    def __enter__(self) -> Self:
        """Open what is written to."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish, or leave nothing behind after an error."""

    def write(self, reports: Sequence[StudyReport]) -> None:
        """Add reports."""


class OutputFormat(NamedTuple):
    """A way to write reports.

    Attributes:
        suffix: Of a file that holds them. The first format of a suffix is the one that it names.
        one_each: Whether it is a document for each study: the output is then a folder, or the file of the
            only study.
        open: Makes the sink of a file, or of a folder.
        needs: A library of the extra ``serve`` that has to be installed.
        identifies: Whether it can hold the patient.
    """

    suffix: str
    one_each: bool
    open: Callable[[Path], ReportSink]
    needs: str = ""
    identifies: bool = False

    def is_folder(self, path: Path) -> bool:
        """Tell whether an output is a folder of documents."""
        return self.one_each and not path.name.lower().endswith(self.suffix)


class TableSink(AbstractContextManager["TableSink"]):
    """A row for each study, as :mod:`.columns` describes them.

    Args:
        path: The file.
        file_format: ``csv`` or ``parquet``. Cells of CSV that a spreadsheet would take for formulas get an
            apostrophe.
    """

    def __init__(self, path: Path, file_format: str) -> None:
        self._table = TableWriter(str(path), COLUMNS, file_format, spreadsheet=True)

    def __enter__(self) -> Self:
        self._table.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.__exit__(kind, error, trace)

    def write(self, reports: Sequence[StudyReport]) -> None:
        """Add rows."""
        rows = [row_of(report) for report in reports]
        self._table.write([[_encodable(row[name]) for name in COLUMNS] for row in rows])


class TextSink(AbstractContextManager["TextSink"]):
    """One text file of an entry for each study.

    Args:
        path: The file.
        entry: Makes the text of a study.
        begin: What stands before all entries.
        between: What stands between two of them.
        end: What stands after all.
    """

    def __init__(
        self,
        path: Path,
        entry: Callable[[StudyReport], str],
        begin: str = "",
        between: str = "\n",
        end: str = "\n",
    ) -> None:
        self._path, self._entry = path, entry
        self._begin, self._between, self._end = begin, between, end
        self._opened = ExitStack()
        self._file: IO[str] | None = None
        self._count = 0

    def __enter__(self) -> Self:
        place = self._opened.enter_context(written_whole(self._path, make_folders=False))
        self._file = self._opened.enter_context(place.open("w", encoding="utf-8", newline=""))
        self._file.write(self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._file is not None:
            self._file.write(self._end if self._count or self._begin else "")
        self._opened.__exit__(kind, error, trace)

    def write(self, reports: Sequence[StudyReport]) -> None:
        """Add entries."""
        assert self._file is not None
        for report in reports:
            self._file.write((self._between if self._count else "") + self._entry(report))
            self._count += 1


class DocumentSink(AbstractContextManager["DocumentSink"]):
    """A document for each study, named by its id.

    Args:
        path: Folder of the documents, made if it is not there; or the file of the only one.
        form: What a document is like.

    Attributes:
        identify: Says which patient a report is of; by default nobody does.
    """

    def __init__(self, path: Path, form: Format) -> None:
        self._form = form
        self._file = path if path.name.lower().endswith(form.suffix) else None
        self._folder = path
        self.identify: Callable[[StudyReport], Identification | None] = lambda report: None

    def __enter__(self) -> Self:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left to do: each document is written whole."""

    def write(self, reports: Sequence[StudyReport]) -> None:
        """Write documents."""
        for report in reports:
            place = self._file or self._folder / f"{file_name(report.study_id)}{self._form.suffix}"
            with written_whole(place, make_folders=False) as writing:
                writing.write_bytes(self._form.write(report, self.identify(report)))


def file_name(study_id: str) -> str:
    """Return a file's name for a study, without what a file system would take for something else."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", study_id).strip("._")[:100]
    if plain and plain == study_id:
        return plain
    return f"{plain or 'study'}-{hashlib.sha256(study_id.encode(errors='surrogatepass')).hexdigest()[:8]}"


def _encodable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def _line(report: StudyReport) -> str:
    return json.dumps(report.as_dict())


def _rexrank(report: StudyReport) -> str:
    entry = json.dumps(rexrank_entry(report), ensure_ascii=False, indent=1)
    return f"{json.dumps(storable(report.study_id), ensure_ascii=False)}: {entry}"


OUTPUTS: dict[str, OutputFormat] = {
    "csv": OutputFormat(".csv", False, partial(TableSink, file_format="csv")),
    "parquet": OutputFormat(".parquet", False, partial(TableSink, file_format="parquet")),
    "jsonl": OutputFormat(".jsonl", False, partial(TextSink, entry=_line)),
    "rexrank": OutputFormat(
        "", False, partial(TextSink, entry=_rexrank, begin="{\n", between=",\n", end="\n}\n")
    ),
    **{
        name: OutputFormat(
            form.suffix, True, partial(DocumentSink, form=form), LIBRARIES.get(name, ""), form.identifies
        )
        for name, form in FORMATS.items()
    },
}
"""By the name that people type."""


class OutputError(ValueError):
    """An output that cannot be written; the message says what to do."""


def format_of(path: Path, name: str | None, studies: int) -> OutputFormat:
    """Return the format of an output.

    Args:
        path: The file or folder.
        name: Its name, if it was given; else the name of the file says it.
        studies: How many reports there will be at most.

    Raises:
        OutputError: If neither says which format it is, or several documents would go to one file.
    """
    found = OUTPUTS.get(name) if name else _by_suffix(path)
    if found is None:
        suffixes = ", ".join(sorted({form.suffix for form in OUTPUTS.values() if form.suffix}))
        raise OutputError(
            f"The name '{path}' says no format: it ends in none of {suffixes}. Name a format with --format "
            f"({', '.join(OUTPUTS)})."
        )
    if found.one_each and studies > 1 and not found.is_folder(path):
        raise OutputError(
            f"'{path}' is one file, and this format has one for each of {studies:,} studies; name a folder."
        )
    return found


def _by_suffix(path: Path) -> OutputFormat | None:
    named = [form for form in OUTPUTS.values() if form.suffix and path.name.lower().endswith(form.suffix)]
    return max(named, key=lambda form: len(form.suffix), default=None)  # the first of the longest
