"""Tables cut into pieces come out as if they had not been, on this machine's cores and on a Dask cluster."""

import pickle
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import distributed
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.corpora.mimic_cxr.fabrication import (
    MimicFabricationConfig,
    fabricate_mimic_cxr,
    invent_studies,
)
from coherent_cxr.corpora.mimic_cxr.loader import MimicCxrConfig
from coherent_cxr.corpora.parsing import ReportParsingConfig, parse_reports, stream_reports
from coherent_cxr.hooks.pieces import PiecesHook
from coherent_cxr.pieces.mapping import call, map_by_study
from coherent_cxr.pieces.table_file import TableFile, held, write_pieces
from coherent_cxr.pipelines import (
    chexpert_labelling,
    findings_extraction,
    vocabulary_building,
)
from coherent_cxr.reports.encoding import VocabularyBuildingConfig
from coherent_cxr.reports.findings import FindingsExtractionConfig
from coherent_cxr.reports.ordering import SentenceOrder
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


def _pass(pipeline: Pipeline, catalog: DataCatalog, rows: int) -> None:
    hooks = _create_hook_manager()
    hooks.register(PiecesHook(rows))
    SequentialRunner().run(pipeline, catalog, hooks)


def _run(data: Path, rows: int, **limits: int) -> DataCatalog:
    catalog = _catalog(data, filled(VocabularyBuildingConfig), **limits)
    stages = (findings_extraction, chexpert_labelling, vocabulary_building)
    _pass(sum((stage.create_pipeline() for stage in stages), Pipeline([])), catalog, rows)
    return catalog


@pytest.fixture(scope="module", autouse=True)
def _without_validators() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:  # a check takes 20 ms, however small the piece
        patch.setenv("KEDRO_DATASET_VALIDATION", "off")
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> DataCatalog:
    return _run(tmp_path_factory.mktemp("whole"), rows=10_000)


def _bytes(catalog: DataCatalog) -> dict[str, bytes]:
    return {name: Path(catalog.get(name)._get_load_path()).read_bytes() for name in TABLES}


@pytest.mark.slow
def test_pieces_add_up_to_the_whole_on_cores_and_on_dask(
    whole: DataCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_cores = _run(tmp_path / "cores", rows=17)
    for name in TABLES:
        pd.testing.assert_frame_equal(on_cores.load(name), whole.load(name))
    for name in SMALL:
        assert str(on_cores.load(name)) == str(whole.load(name))
    assert len(whole.load("findings_exclusions")) > 10
    findings = pq.ParquetFile(on_cores.get("findings")._get_load_path())
    assert findings.num_row_groups > 3
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
        on_dask = _run(tmp_path / "dask", rows=17)
    assert _bytes(on_dask) == _bytes(on_cores)
    assert list(tmp_path.rglob(".writing-*")) == []


def test_reports_are_parsed_piece_by_piece(tmp_path: Path) -> None:
    def grey(*_: object) -> np.ndarray:
        return np.zeros((20, 20), dtype=np.uint8)

    config = filled(MimicFabricationConfig, folder=str(tmp_path / "mimic"), patients=30, images=False)
    invented = fabricate_mimic_cxr(config, grey)
    parsing = filled(
        ReportParsingConfig, corpus="mimic_cxr", mimic_cxr=MimicCxrConfig(root=str(tmp_path / "mimic"))
    )
    whole, pieces = parse_reports(parsing), write_pieces(stream_reports(parsing, rows=7))
    assert len(whole.studies) == len(invented)
    for one, other in zip(whole, pieces, strict=True):
        assert isinstance(other, TableFile)
        pd.testing.assert_frame_equal(one, held(other))


@pytest.mark.parametrize(("rows", "order"), [(1, "findings_first"), (7, "as_written")])
@pytest.mark.slow
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
    for size in (10_000, rows):
        catalog = _catalog(tmp_path / str(size), config)
        catalog.save("findings", findings)
        catalog.save("sentence_labels", labels)
        _pass(vocabulary_building.create_pipeline(), catalog, size)
        made.append(catalog)
    uncut, cut = made
    for name in ("splits", "split_exclusions", "encoded_reports"):
        pd.testing.assert_frame_equal(cut.load(name), uncut.load(name))
    for name in SMALL:
        assert str(cut.load(name)) == str(uncut.load(name))
    assert cut.load("encoded_reports")["study_id"].tolist() == named


@pytest.mark.slow
def test_tables_in_different_orders_are_refused(whole: DataCatalog, tmp_path: Path) -> None:
    # without marks and order, encoding itself needs no labels, so it is the cutting that refuses
    config = filled(VocabularyBuildingConfig, finding_tokens=False, sentence_order="as_written")
    catalog = _catalog(tmp_path, config)
    catalog.save("findings", whole.load("findings"))
    catalog.save("sentence_labels", whole.load("sentence_labels").iloc[::-1])
    with pytest.raises(ValueError, match="do not list the same studies"):
        _pass(vocabulary_building.create_pipeline(), catalog, rows=7)
    assert [path for path in tmp_path.rglob("*encoded_reports*") if path.is_file()] == []


def stumble(studies: pd.DataFrame) -> pd.DataFrame:
    raise ValueError(f"odd: {studies.iloc[0, 0]}")


def test_what_a_piece_raises_comes_back_with_its_place_and_without_its_message_elsewhere() -> None:
    error = call(stumble, {"studies": pd.DataFrame({"findings": ["a secret report"]})})
    assert isinstance(error, ValueError)
    (note,) = pickle.loads(pickle.dumps(error)).__notes__
    assert "test_mapping.py" in note
    assert "in stumble" in note
    assert "secret" not in note
    with pytest.raises(ValueError, match="odd: a secret report"):
        map_by_study(stumble, studies=pd.DataFrame({"study_id": ["a secret report"]}))


@pytest.mark.slow
def test_a_limit_on_studies_is_kept(tmp_path: Path) -> None:
    assert len(_run(tmp_path, rows=17, max_studies=60).load("findings")) == 60


def test_a_piece_of_another_type_is_refused() -> None:
    pieces = [(pd.DataFrame({"x": [1]}),), (pd.DataFrame({"x": ["no number"]}),)]
    with pytest.raises((ValueError, OSError)):
        write_pieces(pieces)


def test_only_nodes_that_ask_for_pieces_get_files(whole: DataCatalog, tmp_path: Path) -> None:
    got: dict[str, type] = {}

    def note(kind: str, table: object) -> list[int]:
        got[kind] = type(table)
        return [0]

    def node(kind: str, *tags: str) -> Node:
        return Node(partial(note, kind), "findings", kind, name=kind, tags=tags)

    _pass(Pipeline([node("cut", "pieces"), node("uncut", "cpu")]), whole, rows=7)
    assert got == {"cut": TableFile, "uncut": pd.DataFrame}
    assert isinstance(whole.load("findings"), pd.DataFrame)
