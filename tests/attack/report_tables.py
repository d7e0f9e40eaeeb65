"""Damaged tables of reports to the commands ``label`` and ``evaluate``: no row is lost, no traceback."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from child import Attempt
from click.testing import CliRunner, Result
from damage import hurt, ill_said, sentence

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.cli import main
from coherent_cxr.evaluation.files.joining import join
from coherent_cxr.evaluation.files.report_columns import GENERATED, REFERENCE
from coherent_cxr.evaluation.files.report_tables import read_report_table
from coherent_cxr.evaluation.systems import UnequalStudiesError
from coherent_cxr.inputs.errors import TableError
from coherent_cxr.inputs.tables.reading import load_table
from coherent_cxr.inputs.tables.study_ids import clean_ids

KINDS = ("csv", "tsv", "json", "jsonl", "parquet", "csv.gz", "jsonl.gz")
ROWS = 8
FEWEST_RESAMPLES = 100
WHOLE_COMMAND = 25
"""One in so many tables goes through all of ``evaluate``, which takes a second."""


def prepare(folder: Path) -> Attempt:
    """Return what makes one try in a folder."""
    csv.field_size_limit(sys.maxsize)
    labeler = CheXpertLabeler()

    def attempt(rng: np.random.Generator, number: int) -> str:
        place = folder / "try"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        if rng.random() < 0.5:
            return label(place, rng, labeler)
        return evaluate(place, rng, whole=number % WHOLE_COMMAND == 0)

    return attempt


def written(rows: list[dict[str, Any]], kind: str, header: bool = True) -> bytes:
    """Return a table as a file."""
    table = pd.DataFrame(rows)
    if kind.endswith(".gz"):
        return gzip.compress(written(rows, kind.removesuffix(".gz"), header))
    if kind == "parquet":
        data = io.BytesIO()
        table.to_parquet(data, index=False)
        return data.getvalue()
    if kind == "json":
        return json.dumps(rows).encode()
    if kind == "jsonl":
        return "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    return table.to_csv(index=False, header=header, sep="\t" if kind == "tsv" else ",").encode()


def label(place: Path, rng: np.random.Generator, labeler: CheXpertLabeler) -> str:
    """Label a table; count its rows by other means than the product's."""
    kind = KINDS[rng.choice([0, 3, 4])]
    reports = [sentence(rng) for _ in range(ROWS)]
    good = written([{"report": text} for text in reports], kind, header=False)
    source, target = place / f"reports.{kind}", place / f"labels.{rng.choice(['csv', 'jsonl', 'parquet'])}"
    whole = rng.random() < 0.1
    source.write_bytes(good if whole else hurt(good, written([{"a": 1}], kind), rng))
    extra = ["--explain", str(place / "mentions.jsonl")] if rng.random() < 0.2 else []
    extra += ["--html", str(place / "page.html")] if rng.random() < 0.1 else []
    answer = CliRunner().invoke(
        main, ["label", "--reports_path", str(source), "--output_path", str(target), *extra]
    )
    if wrong := no_sentence(answer):
        return wrong
    if answer.exit_code:
        return "refused, and labels were written" if target.exists() else "a good table was refused" * whole
    rows_in = rows_of(source, kind) - answer.output.count("is taken for a header")
    labels = read_labels(target)
    if rows_in != len(labels):
        return f"{rows_in} rows came in, {len(labels)} went out"
    if whole:
        expected = [labeler.label(text) for text in reports]
        told = [{n: None if pd.isna(v) else int(v) for n, v in row.items()} for row in labels]
        if told != expected:
            return "wrong labels"
    return ""


def evaluate(place: Path, rng: np.random.Generator, whole: bool) -> str:
    """Judge damaged tables; every row is judged or excluded."""
    studies = [f"CXR{number}" for number in rng.permutation(100)[:ROWS]]
    paths = []
    hurt_side = int(rng.integers(0, 2))
    for side in range(2):
        kind = KINDS[rng.integers(0, len(KINDS))]
        rows = [{"study_id": s, "report": sentence(rng) if rng.random() < 0.9 else None} for s in studies]
        data = written(rows, kind)
        paths.append(place / f"side{side}.{kind}")
        paths[-1].write_bytes(hurt(data, written([{"a": 1}], kind), rng) if side == hurt_side else data)
    if whole:
        arguments = ["--generated", str(paths[0]), "--references", str(paths[1]), "--no-meteor"]
        few = ["--resamples", str(FEWEST_RESAMPLES)]
        answer = CliRunner().invoke(
            main,
            ["evaluate", *arguments, *few, "--samples", "2", "--output", str(place / "out")],
        )
        if "resamples" in answer.output and answer.exit_code:
            return f"nothing was judged: {answer.output[-300:]}"
        return no_sentence(answer)
    try:
        theirs = read_report_table(paths[0], GENERATED)
        ours = read_report_table(paths[1], REFERENCE)
        joined = join({"a": theirs}, ours)
    except (TableError, UnequalStudiesError) as error:
        return ill_said(error)
    for path, table in zip(paths, (theirs, ours), strict=True):
        read = load_table(path).rows
        ids = clean_ids(read[id_of(read)]).dropna()
        if len(ids.unique()) + len(table.excluded) != len(table.rows) + read[id_of(read)].isna().sum():
            return f"{path.name}: {len(read)} rows, {len(table.rows)} studies, {len(table.excluded)} excluded"
        kind = path.name.partition(".")[2].removesuffix(".gz")
        if kind != "json" and (counted := rows_of(path, kind, header=True)) != len(read):
            return f"{path.name} has {counted} rows, {len(read)} were read"
    left_out = set(joined.exclusions["id"]) & set(ours.rows["study_id"])
    if len(joined.references) + len(left_out) != len(ours.rows):
        return f"{len(ours.rows)} studies, {len(joined.references)} judged, {len(left_out)} excluded"
    return ""


def id_of(rows: pd.DataFrame) -> str:
    """Return the column of ids as this campaign writes it, or the first."""
    return "study_id" if "study_id" in rows else str(rows.columns[0])


def rows_of(path: Path, kind: str, header: bool = False) -> int:
    """Count the rows of a table with nothing of the product's."""
    if kind == "parquet":
        return int(pq.read_table(path).num_rows)
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = data.decode(encoding, "surrogateescape")
    if text.lstrip().startswith(("[", "{")) or (kind == "jsonl" and not header):
        if text.lstrip().startswith("["):
            return len(json.loads(text))
        lines = re.split(r"\r\n|\r|\n", text)
        return (
            len(lines) - (not lines[-1])
            if not header
            else sum(bool(line.strip()) for line in text.splitlines())
        )
    delimiter = "\t" if kind == "tsv" else ","
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    return (
        sum(bool(row) and (len(row) > 1 or bool(row[0].strip())) for row in rows) - 1 if header else len(rows)
    )


def read_labels(path: Path) -> list[dict[str, Any]]:
    """Return the labels of a file of the product's, without the reports."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    else:
        with path.open(newline="", errors="surrogateescape") as stream:
            return [
                {n: float(v) if v else None for n, v in list(r.items())[1:]} for r in csv.DictReader(stream)
            ]
    return [dict(list(row.items())[1:]) for row in rows]


def no_sentence(answer: Result) -> str:
    """Return what is wrong about the end of a command; raise what it did not expect."""
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    if answer.exit_code not in (0, 1, 2) or "Traceback" in answer.output:
        return f"exit code {answer.exit_code}: {answer.output[-500:]}"
    if answer.exit_code and "Error: " not in answer.output:
        return f"no sentence: {answer.output[-500:]}"
    return ""
