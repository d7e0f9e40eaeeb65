"""Time and peak memory of the tabular stages on fabricated reports of MIMIC-CXR's size.

Run: python benchmarks/corpora_scale.py [--reports 227835] [--rows 10000] [--repeating] [--whole]
Parses an archive of reports, extracts findings, labels them, and makes splits, vocabulary and word ids.
Without --repeating, hardly any sentence repeats and the labeller has no sentence cache. With it, sentences
repeat as in Open-I (63, 46 and 36 % of 1,000, 4,000 and 15,963 sentences there are distinct, 58, 46 and 35 %
here) and the cache is on.
The rival (--whole) holds whole tables.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
import yaml
from base_settings import base_settings
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.corpora.mimic_cxr.fabrication import _material
from coherent_cxr.corpora.mimic_cxr.loader import MimicCxrConfig
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.hooks.pieces import PiecesHook
from coherent_cxr.pipelines import (
    chexpert_labelling,
    findings_extraction,
    report_parsing,
    vocabulary_building,
)
from coherent_cxr.reports.encoding import VocabularyBuildingConfig
from coherent_cxr.reports.findings import FindingsExtractionConfig

CONF = Path(__file__).parents[1] / "conf" / "base"
SENTENCES = 6


class Watch(threading.Thread):
    """Remembers the most memory that this process and its children held."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0

    def run(self) -> None:
        """Look every 100 ms."""
        me = psutil.Process()
        while True:
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)
            time.sleep(0.1)


def sentences(count: int, repeating: bool) -> Iterator[str]:
    """Invent sentences, of which uniformly many or (a power law fitted to Open-I) mostly few are the same."""
    every = [text for by in _material()["sentences"].values() for texts in by.values() for text in texts]
    rng = np.random.default_rng(0)
    if repeating:
        kinds = np.minimum(rng.pareto(0.25, count) * 10, 1e15).astype(np.int64)
    else:
        kinds = rng.integers(len(every) * 9999, size=count)
    for number, place in zip(*np.divmod(kinds, len(every)), strict=True):
        # Few words in many sentences: a large number as several, like the lengths of a lesion's sides.
        yield f"{every[place][:-1]} at {f'{number:,}'.replace(',', ' by ')} mm."


def publish(folder: Path, count: int, repeating: bool) -> None:
    """Write reports, study list and a record list of one image, as PhysioNet does."""
    invented = sentences(count * SENTENCES, repeating)
    names = []
    path = folder / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            text = " ".join(islice(invented, SENTENCES))
            patient, study = f"{10_000_000 + number // 2:08d}", f"{50_000_000 + number:08d}"
            names.append((patient, study, f"files/p{patient[:2]}/p{patient}/s{study}.txt"))
            report = f" FINAL REPORT\n INDICATION:  Cough.\n\n FINDINGS:\n\n {text}\n"
            archive.writestr(names[-1][2], report)
    studies = pd.DataFrame(names, columns=["subject_id", "study_id", "path"])
    studies.to_csv(folder / "cxr-study-list.csv.gz", index=False)
    studies.head(1).assign(dicom_id="x").to_csv(folder / "cxr-record-list.csv.gz", index=False)


def used() -> float:
    """Return the processor time of this process and of its children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Ran(NamedTuple):
    """A stage that has run: seconds by the clock, processor time with that of processes, most memory."""

    title: str
    seconds: float
    processor: float
    peak: int


def catalog_of(folder: Path, repeating: bool) -> DataCatalog:
    """Return the catalog of the tabular stages over a published corpus."""
    entries: dict[str, dict[str, Any]] = {}
    for stage in ("report_parsing", "findings_extraction", "chexpert_labelling", "vocabulary_building"):
        text = (CONF / stage / "catalog.yml").read_text().replace("${globals:data}", str(folder))
        entries |= {key: entry for key, entry in yaml.safe_load(text).items() if key[0] != "_"}
    catalog = DataCatalog.from_config(entries)
    catalog["params:report_parsing"] = base_settings(
        ReportParsingConfig, corpus="mimic_cxr", mimic_cxr=MimicCxrConfig(root=str(folder))
    )
    catalog["params:findings_extraction"] = base_settings(FindingsExtractionConfig)
    catalog["params:chexpert_labelling"] = base_settings(
        ChexpertLabellingConfig, cache_size=65_536 if repeating else 0
    )
    catalog["params:vocabulary_building"] = base_settings(VocabularyBuildingConfig, min_count=5)
    return catalog


def run_stages(catalog: DataCatalog, rows: int | None) -> Iterator[Ran]:
    """Run the stages in pieces of so many rows, or on whole tables, and yield what each took."""
    hooks = _create_hook_manager()
    if rows is not None:
        hooks.register(PiecesHook(rows))
    watch = Watch()
    watch.start()
    for title, pipeline in (
        ("parse", report_parsing.create_pipeline()),
        ("extract", findings_extraction.create_pipeline()),
        ("label", chexpert_labelling.create_pipeline()),
        ("vocabulary", vocabulary_building.create_pipeline()),
    ):
        watch.peak = 0
        before, start = used(), time.perf_counter()
        SequentialRunner().run(pipeline, catalog, hooks)
        yield Ran(title, time.perf_counter() - start, used() - before, watch.peak)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reports", type=int, default=227_835)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--repeating", action="store_true")
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # which takes its memory along
            pool.submit(publish, Path(name), arguments.reports, arguments.repeating).result()
        kind = "whole tables" if arguments.whole else f"{arguments.rows:,} rows a piece"
        words = "sentences repeat" if arguments.repeating else "sentences hardly repeat"
        print(f"{arguments.reports:,} reports, {words}, {kind}", flush=True)
        catalog = catalog_of(Path(name), arguments.repeating)
        elapsed = processor = 0.0
        for ran in run_stages(catalog, None if arguments.whole else arguments.rows):
            elapsed, processor = elapsed + ran.seconds, processor + ran.processor
            print(f"{ran.title:<15} {ran.seconds:8.1f} s   peak memory {ran.peak / 1e9:5.2f} GB", flush=True)
        encoded: Any = catalog.get("encoded_reports")
        rows = pq.read_metadata(encoded._get_load_path()).num_rows
    print(f"{'together':<15} {elapsed:8.1f} s   {processor:.0f} s of processor time, {rows:,} rows encoded")


if __name__ == "__main__":
    main()
