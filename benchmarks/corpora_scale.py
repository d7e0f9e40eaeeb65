"""Time and peak memory of the tabular stages on fabricated reports of MIMIC-CXR's size.

Run: python benchmarks/corpora_scale.py [--reports 227835] [--rows 10000] [--whole]
Parses an archive of reports, extracts findings and labels them, without a sentence cache and on sentences
that hardly repeat.
The rival (--whole) is Kedro's SequentialRunner, which holds whole tables.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import yaml
from kedro.framework.hooks.manager import _NullPluginManager
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.corpora.mimic_cxr import MimicCxrConfig
from coherent_cxr.corpora.mimic_fabrication import _material
from coherent_cxr.corpora.parsing import ReportParsingConfig
from coherent_cxr.pipelines import chexpert_labelling, findings_extraction, report_parsing
from coherent_cxr.reports.findings import FindingsExtractionConfig
from coherent_cxr.runners import RowsRunner

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


def publish(folder: Path, count: int) -> None:
    """Write reports, study list and a record list of one image, as PhysioNet does."""
    every = [text for by in _material()["sentences"].values() for texts in by.values() for text in texts]
    rng = np.random.default_rng(0)
    chosen = rng.integers(len(every), size=(count, SENTENCES))
    sizes = rng.integers(1, 9999, (count, SENTENCES))
    names = []
    path = folder / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            parts = zip(chosen[number], sizes[number], strict=True)
            text = " ".join(f"{every[place][:-1]} at {size} mm." for place, size in parts)
            patient, study = f"{10_000_000 + number // 2:08d}", f"{50_000_000 + number:08d}"
            names.append((patient, study, f"files/p{patient[:2]}/p{patient}/s{study}.txt"))
            report = f" FINAL REPORT\n INDICATION:  Cough.\n\n FINDINGS:\n\n {text}\n"
            archive.writestr(names[-1][2], report)
    studies = pd.DataFrame(names, columns=["subject_id", "study_id", "path"])
    studies.to_csv(folder / "cxr-study-list.csv.gz", index=False)
    studies.head(1).assign(dicom_id="x").to_csv(folder / "cxr-record-list.csv.gz", index=False)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--reports", type=int, default=227_835)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--whole", action="store_true")
    arguments = parser.parse_args()
    watch = Watch()
    no_hooks: Any = _NullPluginManager()  # a stand-in of Kedro's own
    with tempfile.TemporaryDirectory() as name:
        publish(Path(name), arguments.reports)
        entries: dict[str, dict[str, Any]] = {}
        for stage in ("report_parsing", "findings_extraction", "chexpert_labelling"):
            text = (CONF / f"catalog_{stage}.yml").read_text().replace("${globals:data}", name)
            entries |= yaml.safe_load(text)
        catalog = DataCatalog.from_config(entries)
        mimic_cxr = MimicCxrConfig(root=name)
        catalog["params:report_parsing"] = ReportParsingConfig(corpus="mimic_cxr", mimic_cxr=mimic_cxr)
        catalog["params:findings_extraction"] = FindingsExtractionConfig()
        catalog["params:chexpert_labelling"] = ChexpertLabellingConfig(cache_size=0)
        watch.start()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime  # writing the fabricated reports
        start = time.perf_counter()
        runner = SequentialRunner() if arguments.whole else RowsRunner(rows=arguments.rows)
        runner.run(report_parsing.create_pipeline(), catalog, no_hooks)
        parsed, parse_peak = time.perf_counter() - start, watch.peak
        watch.peak = 0
        start = time.perf_counter()
        pipeline = findings_extraction.create_pipeline() + chexpert_labelling.create_pipeline()
        runner.run(pipeline, catalog, no_hooks)
        ran = time.perf_counter() - start
        run_peak = watch.peak
        rows = len(catalog.load("chexpert_labels"))
    kind = "whole tables" if arguments.whole else f"{arguments.rows:,} rows a piece"
    print(f"{arguments.reports:,} reports, {kind}")
    print(f"parse            {parsed:7.1f} s   peak memory {parse_peak / 1e9:5.2f} GB")
    print(f"extract + label  {ran:7.1f} s   peak memory {run_peak / 1e9:5.2f} GB   {rows:,} rows labelled")
    used = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    print(f"together         {parsed + ran:7.1f} s   {used - before:.0f} s of processor time")


if __name__ == "__main__":
    main()
