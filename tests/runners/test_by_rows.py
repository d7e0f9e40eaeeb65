"""Tables cut into pieces come out as if they had not been, on this machine's cores and on a Dask cluster."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from kedro.framework.hooks.manager import _NullPluginManager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import AbstractRunner, SequentialRunner

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.corpora.mimic_cxr.fabrication import (
    MimicFabricationConfig,
    fabricate_mimic_cxr,
    invent_studies,
)
from coherent_cxr.corpora.mimic_cxr.loader import MimicCxrConfig
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.pipelines import (
    chexpert_labelling,
    findings_extraction,
    report_parsing,
    vocabulary_building,
)
from coherent_cxr.reports.encoding import VocabularyBuildingConfig
from coherent_cxr.reports.findings import FindingsExtractionConfig
from coherent_cxr.reports.ordering import SentenceOrder
from coherent_cxr.runners import DaskRunner, RowsRunner, by_rows
from coherent_cxr.runners.by_rows import Job
from coherent_cxr.runners.table_files import PieceWriter
from helpers.conf import read_conf
from helpers.settings import filled

TABLES = (
    "findings",
    "findings_exclusions",
    "chexpert_labels",
    "sentence_labels",
    "chexpert_mentions",
    "splits",
    "split_exclusions",
    "encoded_reports",
)
SMALL = ("vocabulary", "finding_occurrences", "split_overview")


def _catalog(data: Path, config: VocabularyBuildingConfig, **limits: int) -> DataCatalog:
    entries: dict[str, object] = {}
    for stage in ("report_parsing", "findings_extraction", "chexpert_labelling", "vocabulary_building"):
        entries |= read_conf(f"{stage}/catalog.yml", data)
    catalog = DataCatalog.from_config(entries)
    catalog["params:findings_extraction"] = filled(FindingsExtractionConfig, **limits)
    catalog["params:chexpert_labelling"] = filled(ChexpertLabellingConfig)
    catalog["params:vocabulary_building"] = config
    invented = invent_studies(60, seed=0)
    ids = [study.study_id for study in invented]
    studies = pd.DataFrame({"study_id": ids, "patient_id": [study.patient_id for study in invented]})
    # The first pieces have no exclusion, the last nothing else.
    texts = sorted((" ".join(study.findings) for study in invented), key=lambda text: not text)
    catalog.save("studies", studies.assign(findings=[text or None for text in texts]))
    return catalog


def _run(runner: AbstractRunner, data: Path, **limits: int) -> DataCatalog:
    catalog = _catalog(data, filled(VocabularyBuildingConfig), **limits)
    stages = (findings_extraction, chexpert_labelling, vocabulary_building)
    runner.run(
        sum((stage.create_pipeline() for stage in stages), Pipeline([])), catalog, _NullPluginManager()
    )
    return catalog


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> DataCatalog:
    return _run(SequentialRunner(), tmp_path_factory.mktemp("whole"))


def _bytes(catalog: DataCatalog) -> dict[str, bytes]:
    return {name: Path(catalog.get(name)._get_load_path()).read_bytes() for name in TABLES}


@pytest.mark.slow
def test_pieces_add_up_to_the_whole_on_cores_and_on_dask(whole: DataCatalog, tmp_path: Path) -> None:
    on_cores = _run(RowsRunner(workers=2, rows=17), tmp_path / "cores")
    for name in TABLES:
        pd.testing.assert_frame_equal(on_cores.load(name), whole.load(name))
    for name in SMALL:
        assert str(on_cores.load(name)) == str(whole.load(name))
    assert len(whole.load("findings_exclusions")) > 10
    on_dask = _run(DaskRunner(workers=2, rows=17), tmp_path / "dask")
    assert _bytes(on_dask) == _bytes(on_cores)
    assert list(tmp_path.rglob(".writing-*")) == []


def test_reports_are_parsed_piece_by_piece(tmp_path: Path) -> None:
    def grey(*_: object) -> np.ndarray:
        return np.zeros((20, 20), dtype=np.uint8)

    config = filled(MimicFabricationConfig, folder=str(tmp_path / "mimic"), patients=30, images=False)
    invented = fabricate_mimic_cxr(config, grey)
    tables = []
    for place, runner in (("whole", SequentialRunner()), ("pieces", RowsRunner(rows=7))):
        catalog = DataCatalog.from_config(read_conf("report_parsing/catalog.yml", tmp_path / place))
        catalog["params:report_parsing"] = filled(
            ReportParsingConfig, corpus="mimic_cxr", mimic_cxr=MimicCxrConfig(root=str(tmp_path / "mimic"))
        )
        runner.run(report_parsing.create_pipeline(), catalog, _NullPluginManager())
        names = ("studies", "images", "mesh_terms", "parsing_exclusions")
        tables.append([catalog.load(name) for name in names])
    assert len(tables[0][0]) == len(invented)
    for whole, pieces in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(whole, pieces)
    parsed = pq.ParquetFile(next((tmp_path / "pieces").rglob("studies.parquet/*/studies.parquet")))
    assert parsed.num_row_groups == -(-len(invented) // 7)


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("order", ["findings_first", "as_written"])
def test_word_ids_do_not_depend_on_where_tables_are_cut(
    whole: DataCatalog, tmp_path: Path, rows: int, order: SentenceOrder
) -> None:
    findings, labels = whole.load("findings"), whole.load("sentence_labels")
    assert labels["study_id"].value_counts().max() > 2  # pieces of one row end within studies
    # Some studies are left out one by one, a stretch of them as whole pieces.
    named = [study for place, study in enumerate(findings["study_id"]) if place % 5 and not 20 <= place < 40]
    split = ["train", "train", "test", "validation"]
    patient = whole.load("studies").set_index("study_id")["patient_id"].astype(int)
    split_file = tmp_path / "split.csv"
    rows_of = [(study, split[patient[study] % 4]) for study in named]
    pd.DataFrame(rows_of, columns=["study_id", "split"]).to_csv(split_file, index=False)
    config = filled(VocabularyBuildingConfig, split_file=str(split_file), min_count=2, sentence_order=order)
    made = []
    for runner in (SequentialRunner(), RowsRunner(rows=rows)):
        catalog = _catalog(tmp_path / type(runner).__name__, config)
        catalog.save("findings", findings)
        catalog.save("sentence_labels", labels)
        runner.run(vocabulary_building.create_pipeline(), catalog, _NullPluginManager())
        made.append(catalog)
    held, cut = made
    for name in ("splits", "split_exclusions", "encoded_reports"):
        pd.testing.assert_frame_equal(cut.load(name), held.load(name))
    for name in SMALL:
        assert str(cut.load(name)) == str(held.load(name))
    assert cut.load("encoded_reports")["study_id"].tolist() == named


def test_tables_in_different_orders_are_refused(whole: DataCatalog, tmp_path: Path) -> None:
    # without marks and order, encoding itself needs no labels, so it is the cutting that refuses
    config = filled(VocabularyBuildingConfig, finding_tokens=False, sentence_order="as_written")
    catalog = _catalog(tmp_path, config)
    catalog.save("findings", whole.load("findings"))
    catalog.save("sentence_labels", whole.load("sentence_labels").iloc[::-1])
    with pytest.raises(ValueError, match="do not list the same studies"):
        RowsRunner(rows=7).run(vocabulary_building.create_pipeline(), catalog, _NullPluginManager())
    assert [path for path in tmp_path.rglob("*encoded_reports*") if path.is_file()] == []


def test_the_nodes_that_are_cut_exist_and_read_those_tables() -> None:
    stages = (report_parsing, findings_extraction, chexpert_labelling, vocabulary_building)
    nodes = {node.name: node for stage in stages for node in stage.create_pipeline().nodes}
    for name, tables in (by_rows.BY_STUDY | by_rows.READ_IN_PIECES).items():
        assert set(tables) <= set(nodes[name].inputs), name
    assert set(by_rows.STREAMED) | set(by_rows.LIGHT) <= set(nodes)


def stumble(studies: pd.DataFrame) -> pd.DataFrame:
    raise ValueError(f"odd: {studies.iloc[0, 0]}")


def test_what_a_piece_raises_comes_back_with_its_place_and_without_its_message_elsewhere() -> None:
    job = Job(Node(stumble, "studies", "findings"), {}, ("studies",))
    error = job((pd.DataFrame({"findings": ["a secret report"]}),))
    assert isinstance(error, ValueError)
    (note,) = pickle.loads(pickle.dumps(error)).__notes__
    assert "test_by_rows.py" in note
    assert "in stumble" in note
    assert "secret" not in note


def test_a_limit_on_studies_is_kept(tmp_path: Path) -> None:
    assert len(_run(RowsRunner(workers=1, rows=17), tmp_path, max_studies=60).load("findings")) == 60


def test_a_table_that_fails_midway_does_not_appear(tmp_path: Path) -> None:
    writer = PieceWriter(tmp_path / "a" / "table.parquet")
    writer.write(pd.DataFrame({"x": [1]}))
    with pytest.raises((ValueError, OSError)):
        writer.write(pd.DataFrame({"x": ["no number"]}))
    writer.discard()
    assert list((tmp_path / "a").iterdir()) == []
