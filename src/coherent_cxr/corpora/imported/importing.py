"""From the rows of somebody's table to studies, images and exclusions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pandas as pd

from coherent_cxr.corpora.image_rows import gather
from coherent_cxr.corpora.imported.images import FoundImage, ImageFinder
from coherent_cxr.corpora.imported.mapping import DATE_FORMATS, SECTIONS, ImportSettings
from coherent_cxr.corpora.mimic_cxr.loader import view_of
from coherent_cxr.corpora.openi.loader import ParsedCorpus
from coherent_cxr.corpora.sections.sectioning import Sectioner, findings_of
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.inputs.tables.study_ids import clean_ids

_LATERAL = {"lat", "lateral", "l", "ll", "rl"}
_FRONTAL = {"frontal", "f", "ap", "pa", "a.p.", "p.a.", "ant", "post"}
_LINE_END = re.compile(r"<br\s*/?>|_x000D_\n?|\\r\\n|\\n", re.IGNORECASE)


class Imported(NamedTuple):
    """What an import makes.

    Attributes:
        corpus: The tables; studies also have findings_source.
        splits: study_id and split where the table gives splits, else None.
        bad_dates: Dates that cannot be read.
    """

    corpus: ParsedCorpus
    splits: pd.DataFrame | None
    bad_dates: int


def import_rows(settings: ImportSettings, rows: pd.DataFrame, finder: ImageFinder | None) -> Imported:
    """Turn rows into studies and images; every row and every path becomes one of them or an exclusion.

    Args:
        settings: The mapping.
        rows: The table's columns as text, or missing.
        finder: The images; None makes up one image a study, for phantoms.

    Raises:
        SectionRuleError: If the section rules cannot be used.
    """
    rows = rows.assign(**{settings.study_id: clean_ids(rows[settings.study_id])}).reset_index(drop=True)
    texts, sources = _texts(settings, rows)
    rtf = _is_rtf(settings, rows)
    excluded = [(f"row {n + 2}", "rtf_text", "Its text is RTF; export plain text.") for n in rows.index[rtf]]
    twice = ~rtf & rows[settings.study_id].duplicated() & rows[settings.study_id].notna()
    if settings.images:
        twice &= False  # several rows of a study bring several images
    excluded += [
        (f"row {n + 2}", "duplicate_study", f"An earlier row gives the study {quote(study)}.")
        for n, study in zip(rows.index[twice], rows.loc[twice, settings.study_id], strict=True)
    ]
    kept = rows[~rtf & ~twice]
    dates, bad_dates = _dates(settings, kept)
    exploded = _with_images(settings, kept, finder)
    where = exploded["row"]
    view = _column(settings.view, kept).map(lambda given: _view(settings, given)).loc[where].to_list()
    canonical = pd.DataFrame(
        {
            "study_id": kept.loc[where, settings.study_id].to_numpy(),
            "patient_id": clean_ids(_column(settings.patient_id, kept)).loc[where].to_numpy(),
            "study_date": dates.loc[where].to_numpy(),
            "view": view,
            "view_source": ["none" if one == "unknown" else "table" for one in view],
            **{section: texts.loc[where, section].to_numpy() for section in SECTIONS},
            **{name: exploded[name].to_numpy() for name in ("image_id", "reason", "detail")},
        },
        index=where.to_numpy(),
    ).astype({"study_id": "str", "patient_id": "str", "study_date": "str"})
    corpus = gather(canonical, SECTIONS, "the table")
    ids = kept[settings.study_id]
    first = ids[~ids.duplicated() & ids.notna()]
    source_of = dict(zip(first, sources.loc[first.index], strict=True))
    studies = corpus.studies.assign(findings_source=corpus.studies["study_id"].map(source_of))
    studies = studies.astype("str")
    more = pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str")
    exclusions = pd.concat([more, corpus.exclusions], ignore_index=True)
    splits = None
    if settings.split:
        given = pd.DataFrame({"study_id": ids, "split": kept[settings.split]})
        splits = given[given["study_id"].isin(studies["study_id"])].dropna().drop_duplicates()
    return Imported(corpus._replace(studies=studies, exclusions=exclusions), splits, bad_dates)


def _is_rtf(settings: ImportSettings, rows: pd.DataFrame) -> pd.Series:
    names = [settings.report or "", *(getattr(settings, section) or "" for section in SECTIONS)]
    starts = [rows[name].str.lstrip().str.startswith("{\\rtf", na=False) for name in names if name]
    found: pd.Series = pd.concat(starts, axis=1).any(axis=1)
    return found


def _texts(settings: ImportSettings, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return the sections of every row, and where its findings came from."""
    if settings.report is None:
        columns = {section: _column(getattr(settings, section), rows).map(_lines) for section in SECTIONS}
        found = pd.DataFrame(columns, index=rows.index).astype("str")
        return found, found["findings"].map(lambda text: "findings", na_action="ignore")
    sectioner = Sectioner(settings.section_rules)
    read: dict[str, tuple[list[str | None], str | None]] = {}
    for report in rows[settings.report].dropna().unique():
        parts = sectioner.split(_lines(report) or "")
        findings, source = findings_of(parts)
        parts["findings"] = findings or ""
        parts.setdefault("impression", parts.get("findings_and_impression", ""))
        read[report] = ([parts.get(section) or None for section in SECTIONS], source or None)
    nothing: tuple[list[str | None], None] = ([None] * len(SECTIONS), None)
    told = [read.get(report, nothing) for report in rows[settings.report]]
    sections = pd.DataFrame([t for t, _ in told], columns=list(SECTIONS), index=rows.index).astype("str")
    return sections, pd.Series([source for _, source in told], index=rows.index, dtype="str")


def _lines(text: object) -> str | None:
    """Return a text with the line ends that an export spelled out; RTF stays, to be refused."""
    if not isinstance(text, str):
        return None
    return text if text.startswith("{\\rtf") or "\n" in text.strip() else _LINE_END.sub("\n", text)


def _with_images(settings: ImportSettings, rows: pd.DataFrame, finder: ImageFinder | None) -> pd.DataFrame:
    """Return row, image_id, reason and detail: one line per path, at least one per row."""
    lines: list[tuple[int, str | None, str | None, str | None]] = []
    cells_of = rows[list(settings.images)].to_numpy().tolist()
    for row, study, cells in zip(rows.index, rows[settings.study_id], cells_of, strict=True):
        if finder is None:
            found: Sequence[FoundImage] = [FoundImage(f"image{row + 1:06d}")]
        elif settings.images:
            given = [cell for cell in cells if isinstance(cell, str)]
            paths = [path for cell in given for path in cell.split(settings.image_separator) if path.strip()]
            found = [finder.find(path) for path in paths]
        else:
            found = [FoundImage(i) for i in finder.of_study(study)] if isinstance(study, str) else []
            nobody = "No image file or folder is called as the study."
            found = found or [FoundImage(None, "study_without_image", nobody)]
        lines += [(row, *one) for one in found or [FoundImage(None)]]
    return pd.DataFrame(lines, columns=["row", "image_id", "reason", "detail"])


def _column(name: str | None, rows: pd.DataFrame) -> pd.Series:
    return rows[name] if name else pd.Series(None, rows.index, dtype="str")


def _view(settings: ImportSettings, given: object) -> str:
    if not isinstance(given, str):
        return "unknown"
    word = given.strip().lower()
    own = {name.strip().lower(): view for name, view in settings.views.items()}
    if word in own:
        return own[word]
    if word in _LATERAL:
        return "lateral"
    return "frontal" if word in _FRONTAL else view_of(given)


def _dates(settings: ImportSettings, rows: pd.DataFrame) -> tuple[pd.Series, int]:
    """Return dates as 2024-05-06, and how many cells are none."""
    formats = (settings.date_format,) if settings.date_format else DATE_FORMATS
    given = _column(settings.date, rows)
    dates = given.map(lambda cell: _date(cell, formats), na_action="ignore")
    return dates.astype("str"), int((dates.isna() & given.notna()).sum())


def _date(given: str, formats: Sequence[str]) -> str | None:
    for one in formats:
        try:
            return datetime.strptime(given.strip(), one).date().isoformat()
        except ValueError:
            continue
    return None
