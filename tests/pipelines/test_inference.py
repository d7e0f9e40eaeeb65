"""The stage inference runs from its catalog and parameter files, goes on where it stopped, and counts all."""

from __future__ import annotations

from pathlib import Path

import distributed
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from PIL import Image

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.pieces.mapping import CLUSTER
from coherent_cxr.pieces.table_file import TableFile, held
from coherent_cxr.pipelines import inference
from coherent_cxr.serving.batch import stage
from coherent_cxr.serving.batch.stage import InferenceConfig
from coherent_cxr.serving.study.writer import StudyWriter
from helpers.conf import read_conf
from helpers.study_files import write_dicom, write_png
from helpers.tiny_bundle import make_bundle


@pytest.fixture
def config(tmp_path: Path) -> InferenceConfig:
    make_bundle(encoder="small_cnn").save(tmp_path / "bundle")
    images = tmp_path / "images"
    write_dicom(images / "1.dcm", "1.2.1", 1)
    write_dicom(images / "2.dcm", "1.2.1", 2)
    for number in range(3):
        write_png(images / f"{number}.png", number)
    Image.new("L", (90, 70), 0).save(images / "black.png")
    (images / "readme.txt").write_text("no image")
    settings = read_conf("inference/parameters.yml", tmp_path)["inference"]
    changed = {"input": str(images), "model": str(tmp_path / "bundle"), "part": 2}
    return InferenceConfig(**{**settings, **changed, "work_dir": str(tmp_path / "parts")})


def run(config: InferenceConfig, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    catalog = DataCatalog.from_config(read_conf("inference/catalog.yml", folder))
    catalog["params:inference"] = config
    SequentialRunner().run(inference.create_pipeline(), catalog)
    return catalog.load("generated_study_reports"), catalog.load("inference_exclusions")


def test_every_study_is_a_report_or_a_reason_and_a_second_run_writes_only_what_is_new(
    config: InferenceConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    write_many = StudyWriter.write_many

    def noted(self, studies):
        asked.extend(study.study_id for study in studies)
        return write_many(self, studies)

    monkeypatch.setattr(StudyWriter, "write_many", noted)
    reports, excluded = run(config, tmp_path / "first")
    assert list(reports["study_id"]) == ["0.png", "1.2.1", "1.png", "2.png"]
    assert not reports["report"].isna().any()
    assert reports["model_digest"].nunique() == 1
    assert list(zip(excluded["id"], excluded["reason"], strict=True)) == [
        ("readme.txt", "not_an_image"),
        ("black.png", "constant_image"),
    ]
    assert len(asked) == 5
    write_png(Path(str(config.input)) / "2.png", 9)
    again, _ = run(config, tmp_path / "second")
    assert asked[5:] == ["1.png", "2.png"]  # the second part; the others are read again
    pd.testing.assert_frame_equal(again[:2], reports[:2])
    assert again["study_id"].equals(reports["study_id"])


def test_pieces_of_a_large_table_have_the_same_columns(config: InferenceConfig, tmp_path: Path) -> None:
    """Of the first piece every study is refused, so that no column has a value."""
    images = [f"{name}.png" for name in ("black", "absent", "0", "1")]
    manifest = tmp_path / "images" / "studies.csv"
    manifest.write_text("\n".join(["path", *images]))
    listed, not_listed = stage.list_input(config.model_copy(update={"input": str(manifest)}))
    listed.to_parquet(tmp_path / "listed.parquet")
    table = TableFile(tmp_path / "listed.parquet", rows=2)
    reports, excluded = inference.nodes.generate_reports(config, table, not_listed)
    assert isinstance(reports, TableFile)
    assert [len(piece) for piece in reports.pieces()] == [2]
    assert list(excluded["id"]) == ["black.png", "absent.png"]


def test_a_table_brings_studies_before_and_another_interval_writes_again(
    config: InferenceConfig, tmp_path: Path
) -> None:
    settings = {"study_input": "with_prior", "sentence_feedback": True, "prior_report": True}
    make_bundle(encoder="small_cnn", **settings).save(tmp_path / "of priors")
    manifest = tmp_path / "images" / "studies.csv"
    changed = {"input": str(manifest), "model": str(tmp_path / "of priors"), "part": 1}
    config = config.model_copy(update=changed)
    told = []
    for days in (3, 400):
        rows = f"0.png,1.png,{days},Small effusion.\n2.png,black.png,5,\n"
        manifest.write_text(f"path,prior_images,days_since_prior,prior_report\n{rows}")
        reports, _ = stage.generate_piece(config, "", stage.list_input(config)[0])
        assert ["prior_unread" in notes for notes in reports["notes"]] == [False, True]
        told.append(reports)
    assert len(list(Path(config.work_dir).iterdir())) == 3  # the second study's part was there


def test_a_dask_cluster_writes_the_same_reports(
    config: InferenceConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, not_listed = stage.list_input(config)
    listed.to_parquet(tmp_path / "listed.parquet")
    table = TableFile(tmp_path / "listed.parquet", rows=2)
    ours = inference.nodes.generate_reports(config, table, not_listed)
    theirs = config.model_copy(update={"work_dir": str(tmp_path / "parts of the cluster")})
    workers = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**workers) as cluster:
        monkeypatch.setenv(CLUSTER, cluster.scheduler_address)
        reports, excluded = inference.nodes.generate_reports(theirs, table, not_listed)
    assert len(list(Path(theirs.work_dir).iterdir())) == 3
    pd.testing.assert_frame_equal(
        held(reports).drop(columns="created"), held(ours[0]).drop(columns="created")
    )
    pd.testing.assert_frame_equal(excluded, ours[1])


@pytest.mark.parametrize("given", [None, "nowhere"])
def test_an_input_that_is_not_there_stops_before_any_work(config: InferenceConfig, given: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"inference.input.*it must be a folder of images"):
        stage.list_input(config.model_copy(update={"input": given}))
