"""Missing raw data stops a run before its first node, and the variable to set is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from coherent_cxr.corpora.mimic_cxr.loader import MimicCxrConfig
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.hooks.raw_data import RawDataHook
from coherent_cxr.images.phantom.fabrication import FabricationConfig
from coherent_cxr.pipelines import download_openi, fabrication, report_parsing
from coherent_cxr.stopped import RunStoppedError
from helpers.settings import filled


def _stopped(
    reports: dict[str, Any], images: dict[str, Any], pipeline: Pipeline, only_missing: bool = False
) -> str:
    catalog = DataCatalog()
    catalog["params:report_parsing"] = filled(ReportParsingConfig, **reports)
    catalog["params:fabrication"] = filled(FabricationConfig, **images)
    try:
        RawDataHook().before_pipeline_run({"only_missing_outputs": only_missing}, pipeline, catalog)
    except RunStoppedError as error:
        return error.message
    return ""


BOTH = report_parsing.create_pipeline() + fabrication.create_pipeline()


def test_the_demonstration_needs_no_raw_data() -> None:
    assert _stopped({}, {}, BOTH) == ""


@pytest.mark.parametrize("there", [None, "folder"])
def test_missing_images_are_told_with_the_variable_to_set(tmp_path: Path, there: str | None) -> None:
    root = tmp_path / (there or "absent")
    if there:
        root.mkdir()
    told = _stopped({}, {"images_root": str(root)}, BOTH)
    assert str(root) in told
    assert "set COHERENT_CXR_OPENI_IMAGES" in told
    assert "\n" not in told
    assert _stopped({}, {"images_root": str(root)}, report_parsing.create_pipeline()) == ""
    assert _stopped({}, {"images_root": str(root)}, BOTH + download_openi.create_pipeline()) == ""
    (tmp_path / "tar").write_bytes(b"archive")
    assert _stopped({}, {"images_root": str(tmp_path / "tar")}, BOTH) == ""


def test_a_corpus_without_a_place_is_told_with_the_variable_to_set(tmp_path: Path) -> None:
    told = _stopped({"corpus": "mimic_cxr"}, {"images_root": str(tmp_path / "files")}, BOTH)
    assert "MIMIC_CXR_ROOT" in told
    assert "MIMIC_CXR_IMAGES" in told
    absent = MimicCxrConfig(root=str(tmp_path / "absent"))
    told = _stopped({"corpus": "mimic_cxr", "mimic_cxr": absent}, {}, report_parsing.create_pipeline())
    assert str(tmp_path / "absent") in told
    assert _stopped({"corpus": "mimic_cxr"}, {}, fabrication.create_pipeline()) == ""


def test_reports_that_are_not_there_are_told(tmp_path: Path) -> None:
    told = _stopped({"reports": str(tmp_path / "reports.tgz")}, {}, BOTH)
    assert str(tmp_path / "reports.tgz") in told
