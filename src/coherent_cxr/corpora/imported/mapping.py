"""Which columns of somebody's table mean what."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from coherent_cxr.configuration import ConfigurationError, Settings, require
from coherent_cxr.inputs.yaml_files import YamlFileError, read_mapping

SECTIONS = ("comparison", "indication", "technique", "findings", "impression")
DATE_FORMATS = ("%Y-%m-%d", "%Y%m%d")
"""Dates that nobody can misread; any other way of writing them needs ``date_format``."""


class ImportSettings(Settings):
    """What ``coherent-cxr import`` reads: names of columns, and how their cells are written.

    Attributes:
        study_id: Column of the study's id (the accession number, say).
        patient_id: Column of the patient's id; None counts each study as a patient of its own.
        report: Column of the whole report, whose sections are found by their headings.
        findings: Column of the findings, where sections have columns of their own; so are the next four.
        impression: Column of the impression.
        indication: Column of the indication.
        comparison: Column of the comparison.
        technique: Column of the technique.
        images: Columns of paths to images; none finds the images whose file or folder is called as the study.
        image_separator: What stands between several paths in one cell.
        path_prefix: Start of the paths that leads to the images folder, on the machine that wrote the table.
        view: Column of the view; None finds views out from the pixels.
        views: What its values mean, for those that are not AP, PA, lateral and the like.
        date: Column of the study's date.
        date_format: How dates are written, such as ``%d.%m.%Y``; None takes 2024-05-06 and 20240506.
        split: Column of the split (train, validation, test).
        encoding: Of the table; None finds out.
        section_rules: Name or path of the section rules, for ``report``.
    """

    study_id: str
    patient_id: str | None = None
    report: str | None = None
    findings: str | None = None
    impression: str | None = None
    indication: str | None = None
    comparison: str | None = None
    technique: str | None = None
    images: tuple[str, ...] = ()
    image_separator: str = ";"
    path_prefix: str = ""
    view: str | None = None
    views: dict[str, Literal["frontal", "lateral", "unknown"]] = Field(default_factory=dict)
    date: str | None = None
    date_format: str | None = None
    split: str | None = None
    encoding: str | None = None
    section_rules: str = "mimic_cxr"

    def check(self) -> None:
        """Refuse a mapping that gives no text, or two texts of one section."""
        own = [name for name in SECTIONS if getattr(self, name)]
        learnt = self.report or self.findings or self.impression
        require(bool(learnt), "import.report", self.report, "a column, unless findings or impression is one")
        require(not (self.report and own), "import.report", self.report, "null where sections have columns")
        require(bool(self.image_separator), "import.image_separator", self.image_separator, "a text")

    def columns(self) -> list[str]:
        """Return the names of all columns that are needed, each once."""
        names = (self.study_id, self.patient_id, self.report, *(getattr(self, name) for name in SECTIONS))
        return [n for n in dict.fromkeys((*names, *self.images, self.view, self.date, self.split)) if n]


def read_settings(path: Path | None, options: dict[str, Any]) -> ImportSettings:
    """Return the settings of a YAML file, of options, or of both; an option counts before the file.

    Args:
        path: The file, or None.
        options: Settings by name; those that are None or empty are not given.

    Raises:
        ConfigurationError: If the file or a setting cannot be used.
    """
    try:
        values = {} if path is None else read_mapping(path)
    except YamlFileError as error:
        raise ConfigurationError(f"The mapping '{path}' {error}") from error
    if isinstance(values.get("images"), str):
        values["images"] = [values["images"]]
    return ImportSettings(**{**values, **{name: value for name, value in options.items() if value}})
