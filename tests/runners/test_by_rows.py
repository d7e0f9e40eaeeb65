"""Tables cut into pieces come out as if they had not been, on this machine's cores and on a Dask cluster."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from kedro.framework.hooks.manager import _NullPluginManager
from kedro.io import DataCatalog
from kedro.runner import AbstractRunner, SequentialRunner

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.corpora.mimic_cxr import MimicCxrConfig
from coherent_cxr.corpora.mimic_fabrication import (
    MimicFabricationConfig,
    fabricate_mimic_cxr,
    invent_studies,
)
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.pipelines import chexpert_labelling, findings_extraction, report_parsing
from coherent_cxr.reports.findings import FindingsExtractionConfig
from coherent_cxr.runners import DaskRunner, RowsRunner
from coherent_cxr.runners.by_rows import _Writer

CONF = Path(__file__).parents[2] / "conf" / "base"
TABLES = ("findings", "findings_exclusions", "chexpert_labels", "chexpert_mentions")


def _run(runner: AbstractRunner, data: Path, **limits: int) -> DataCatalog:
    entries: dict[str, object] = {}
    for stage in ("report_parsing", "findings_extraction", "chexpert_labelling"):
        text = (CONF / f"catalog_{stage}.yml").read_text().replace("${globals:data}", str(data))
        entries |= yaml.safe_load(text)
    catalog = DataCatalog.from_config(entries)
    catalog["params:findings_extraction"] = FindingsExtractionConfig(**limits)
    catalog["params:chexpert_labelling"] = ChexpertLabellingConfig()
    invented = invent_studies(60, seed=0)
    studies = pd.DataFrame({"study_id": [study.study_id for study in invented], "patient_id": "p"})
    # The first pieces have no exclusion, the last nothing else.
    texts = sorted((" ".join(study.findings) for study in invented), key=lambda text: not text)
    catalog.save("studies", studies.assign(findings=[text or None for text in texts]))
    pipeline = findings_extraction.create_pipeline() + chexpert_labelling.create_pipeline()
    runner.run(pipeline, catalog, _NullPluginManager())
    return catalog


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> DataCatalog:
    return _run(SequentialRunner(), tmp_path_factory.mktemp("whole"))


def _bytes(catalog: DataCatalog) -> dict[str, bytes]:
    return {name: Path(catalog.get(name)._get_load_path()).read_bytes() for name in TABLES}


def test_pieces_add_up_to_the_whole_on_cores_and_on_dask(whole: DataCatalog, tmp_path: Path) -> None:
    on_cores = _run(RowsRunner(workers=2, rows=17), tmp_path / "cores")
    for name in TABLES:
        pd.testing.assert_frame_equal(on_cores.load(name), whole.load(name))
    assert len(whole.load("findings_exclusions")) > 10
    on_dask = _run(DaskRunner(workers=2, rows=17), tmp_path / "dask")
    assert _bytes(on_dask) == _bytes(on_cores)
    assert list(tmp_path.rglob("*.writing")) == []


def test_reports_are_parsed_piece_by_piece(tmp_path: Path) -> None:
    def grey(*_: object) -> np.ndarray:
        return np.zeros((20, 20), dtype=np.uint8)

    config = MimicFabricationConfig(folder=str(tmp_path / "mimic"), patients=30, images=False)
    invented = fabricate_mimic_cxr(config, grey)
    text = (CONF / "catalog_report_parsing.yml").read_text()
    tables = []
    for place, runner in (("whole", SequentialRunner()), ("pieces", RowsRunner(rows=7))):
        catalog = DataCatalog.from_config(
            yaml.safe_load(text.replace("${globals:data}", str(tmp_path / place)))
        )
        catalog["params:report_parsing"] = ReportParsingConfig(
            corpus="mimic_cxr", mimic_cxr=MimicCxrConfig(root=str(tmp_path / "mimic"))
        )
        runner.run(report_parsing.create_pipeline(), catalog, _NullPluginManager())
        tables.append([catalog.load(name) for name in ("studies", "images", "parsing_exclusions")])
    assert len(tables[0][0]) == len(invented)
    for whole, pieces in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(whole, pieces)
    parsed = pq.ParquetFile(next((tmp_path / "pieces").rglob("studies.parquet/*/studies.parquet")))
    assert parsed.num_row_groups == -(-len(invented) // 7)


def test_a_limit_on_studies_is_kept(tmp_path: Path) -> None:
    assert len(_run(RowsRunner(workers=1, rows=17), tmp_path, max_studies=20).load("findings")) == 20


def test_a_table_that_fails_midway_does_not_appear(tmp_path: Path) -> None:
    writer = _Writer(tmp_path / "a" / "table.parquet")
    writer.write(pd.DataFrame({"x": [1]}))
    with pytest.raises((ValueError, OSError)):
        writer.write(pd.DataFrame({"x": ["no number"]}))
    writer.discard()
    assert list((tmp_path / "a").iterdir()) == []
