"""The logged model behind MLflow's own server, in an environment of its own requirements and nothing else."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import imagecodecs
import mlflow
import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.manifest import BundleError, write_manifest
from coherent_cxr.serving.registration.fetching import fetch_bundle_folder
from coherent_cxr.serving.registration.requirements import REQUIREMENTS, pinned_requirements
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.environment import make_environment
from helpers.tiny_registry import make_registry

HERE = Path(__file__).parents[1] / "helpers"
SECRET = "UEFUSUVOVA"  # stands in many requests, and may not come back in any answer


def _dicoms() -> dict[str, bytes]:
    """Return the same ramp as DICOM in every syntax, of 8 or 12 bits."""
    deep = {"BitsStored": 12, "HighBit": 11}
    shallow = np.round(RAMP_12_BIT / 4095 * 255).astype(np.uint8)
    files = {"uncompressed": written(dataset(RAMP_12_BIT, **deep))}
    for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        files[syntax.name] = written(dataset(RAMP_12_BIT, **deep), syntax)
    for syntax, pixels, packed in (
        (JPEGBaseline8Bit, shallow, imagecodecs.jpeg8_encode(shallow, level=95)),
        (JPEGExtended12Bit, RAMP_12_BIT, imagecodecs.jpeg8_encode(RAMP_12_BIT, level=95, bitspersample=12)),
        (
            JPEGLosslessSV1,
            RAMP_12_BIT,
            imagecodecs.jpeg8_encode(RAMP_12_BIT, lossless=True, bitspersample=16),
        ),
        (HTJ2KLossless, RAMP_12_BIT, imagecodecs.htj2k_encode(RAMP_12_BIT)),
    ):
        made = dataset(pixels, **({} if pixels is shallow else deep))
        made.PixelData = encapsulate([packed])
        made.file_meta.TransferSyntaxUID = syntax
        files[syntax.name] = written(made)
    return files


def _picture(format_: str) -> bytes:
    data = io.BytesIO()
    levels = np.random.default_rng(0).integers(0, 255, (90, 70), dtype=np.uint8)
    Image.fromarray(levels).save(data, format=format_)
    return data.getvalue()


PNG = base64.b64encode(_picture("PNG")).decode()
FILES = {"PNG": _picture("PNG"), "JPEG": _picture("JPEG"), **_dicoms()}
BATCH: list[Any] = [
    {"image": PNG},
    {"image": f"{SECRET}%"},
    {"image": f"data:image/png;base64,{PNG}"},
    {"picture": SECRET * 50},
    {"image": None},
    {"image": textwrap.fill(PNG, 76)},
    SECRET,
    {"image": base64.b64encode(b"no image, " * 9).decode()},
    {"image": "\ud800"},
    {"image": PNG[: len(PNG) // 2]},
]
STUDY = {
    "frontal_image": PNG,
    "lateral_image": PNG,
    "indication": SECRET,
    "technique": "",
    "comparison": None,
}
TABLES = {
    "inputs": {"inputs": [STUDY]},
    "dataframe_split": {
        "dataframe_split": {"columns": list(STUDY), "index": [0], "data": [list(STUDY.values())]}
    },
    "input_data": {"input_data": {"columns": list(STUDY), "index": [0], "data": [list(STUDY.values())]}},
    "dataframe_records": {"dataframe_records": [STUDY]},
}
"""What clients of CXRReportGen send."""
REFUSED: dict[str, tuple[Any, str]] = {
    "bad base64": ({"inputs": [{"image": f"{SECRET}%"}]}, "at position 0 is not valid base64"),
    "no image": (
        {"inputs": [{"image": base64.b64encode(b"text" * 9).decode()}]},
        "neither a PNG, a JPEG nor",
    ),
    "a wrong field": ({"inputs": [{"picture": SECRET * 500}]}, "the field 'image'; there is: picture"),
    "a field of another type": ({"inputs": [{"image": [SECRET]}]}, "but a list"),
    "a text for a row": ({"inputs": [SECRET]}, "no object with a field 'image'"),
    "rows of rows": ({"inputs": [[{"image": SECRET}]]}, "no object with a field 'image'"),
    "no list": ({"inputs": {"image": SECRET}}, "no list of images"),
    "a text": ({"inputs": SECRET}, "no list of images"),
    "null": ({"inputs": None}, "no list of images"),
    "no images": ({"inputs": []}, "holds no image"),
    "too many": ({"inputs": [{}] * 1001}, "1,001 images"),
    "another key": ({"images": [SECRET]}, "cannot be read"),
    "instances": ({"instances": [{"image": SECRET}]}, "cannot be read"),
    "two keys": ({"inputs": [{"image": f"{SECRET}%"}], "instances": [SECRET]}, "not valid base64"),
    "parameters": ({"inputs": [{"image": f"{SECRET}%"}], "params": {"x": SECRET}}, "not valid base64"),
    "a list": ([SECRET], "cannot be read"),
    "a short row": ({"dataframe_split": {"columns": ["image", "b"], "data": [[SECRET]]}}, "cannot be read"),
    "no table": ({"dataframe_split": SECRET}, "no list of images"),
    "a table without an image": ({"dataframe_records": [{"indication": SECRET}]}, "there is: indication"),
    "a secret between commas": ({"input_data": {"columns": [SECRET], "data": 5}}, "cannot be read"),
    "a number": (5, "cannot be read"),
    "messages": ({"messages": [{"role": "user", "content": SECRET}]}, "no list of images"),
    "a surrogate": ({"inputs": [{"image": "\ud800"}]}, "not valid base64"),
    "a surrogate for a field": ({"inputs": [{"\ud800\x1b[2J": 1}]}, "the field 'image'"),
}
RAW: dict[str, tuple[bytes, dict[str, str]]] = {
    "deep": (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", {"Content-Type": "application/json"}),
    "deep objects": (b'{"inputs":' * 50_000, {"Content-Type": "application/json"}),
    "cut": (
        json.dumps({"inputs": [{"image": SECRET * 99}]})[:-9].encode(),
        {"Content-Type": "application/json"},
    ),
    "empty": (b"", {"Content-Type": "application/json"}),
    "not UTF-8": (b'{"inputs": "\xff\xfe"}', {"Content-Type": "application/json"}),
    "no content type": (json.dumps({"inputs": [{"image": SECRET}]}).encode(), {}),
    "CSV": (f'image\n"{SECRET}\n'.encode(), {"Content-Type": "text/csv"}),
    "no Parquet": (SECRET.encode(), {"Content-Type": "application/vnd.apache.parquet"}),
    "a huge number": (b'{"inputs": ' + b"9" * 10_000 + b"}", {"Content-Type": "application/json"}),
}


class Served:
    """Answers of the server: status and body by the name of the request."""

    def __init__(self, code: str, answers: dict[str, tuple[int, str]]) -> None:
        self.code = code
        self.answers = answers


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> str:
    return make_registry(tmp_path_factory.mktemp("registry"), new_database)


@pytest.fixture(scope="module")
def served(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("served")
    python = make_environment(folder / "environment", pinned_requirements())
    model = fetch_bundle_folder("models:/coherent-cxr@champion", registry).parents[1]
    as_json = {"Content-Type": "application/json"}
    asked: dict[str, tuple[bytes, dict[str, str]]] = {
        name: (json.dumps({"inputs": [{"image": base64.b64encode(data).decode()}]}).encode(), as_json)
        for name, data in FILES.items()
    }
    asked["batch"] = json.dumps({"inputs": BATCH}).encode(), as_json
    asked |= {name: (json.dumps(request).encode(), as_json) for name, (request, _) in REFUSED.items()} | RAW
    asked["afterwards"] = asked["PNG"]
    asked |= {f"table {name}": (json.dumps(table).encode(), as_json) for name, table in TABLES.items()}
    requests = [{"body": base64.b64encode(body).decode(), "headers": head} for body, head in asked.values()]
    (folder / "requests.json").write_text(json.dumps(requests))
    arguments = [str(HERE / "serve_and_ask.py"), str(model)]
    ended = subprocess.run(
        [str(python), *arguments, str(folder / "requests.json"), str(folder / "answers.json")],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert SECRET not in ended.stderr + ended.stdout, "a request stands in the server's log"
    told = json.loads((folder / "answers.json").read_text())
    return Served(told["code"], dict(zip(asked, map(tuple, told["answers"]), strict=True)))


@pytest.mark.slow
def test_the_model_brings_its_own_code(served: Served, registry: str) -> None:
    assert Path(served.code).is_relative_to(Path(registry.removeprefix("sqlite:///")).parent / "mlartifacts")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.slow
def test_every_kind_of_image_is_read_with_the_listed_requirements_alone(served: Served, name: str) -> None:
    status, body = served.answers[name]
    assert status == 200, body
    (row,) = json.loads(body)["predictions"]
    assert row["report"]
    assert row["error"] is None
    assert (row["label_rules"], row["system"]) == ("corrected", "full")
    assert "not for clinical use" in row["notice"]


@pytest.mark.slow
def test_each_row_of_a_batch_has_a_report_or_an_error(served: Served) -> None:
    status, body = served.answers["batch"]
    assert status == 200
    rows = json.loads(body)["predictions"]
    assert [row["report"] is not None for row in rows] == [n in (0, 2, 5) for n in range(len(BATCH))]
    assert rows[0]["report"] == rows[2]["report"] == rows[5]["report"]
    for position, row in enumerate(rows):
        assert (row["error"] is None) == (row["report"] is not None)
        assert row["error"] is None or row["error"].startswith(f"The image at position {position} ")
    assert SECRET not in body


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.slow
def test_what_is_refused_is_refused_in_our_sentence(served: Served, name: str) -> None:
    status, body = served.answers[name]
    assert status == 400, body
    told = json.loads(body)
    assert REFUSED[name][1] in told["message"]
    assert told["message"].endswith(".")
    _is_plain(body)


@pytest.mark.parametrize("name", RAW)
@pytest.mark.slow
def test_requests_that_are_no_json_are_refused_in_a_sentence(served: Served, name: str) -> None:
    status, body = served.answers[name]
    assert status == 400, body
    assert json.loads(body)["message"].startswith("The request cannot be read. Send JSON")
    _is_plain(body)


def _is_plain(body: str) -> None:
    told = json.loads(body)
    assert "stack_trace" not in told
    assert "Traceback" not in body
    assert ".py" not in body
    assert str(HERE.parents[1]) not in body
    assert SECRET not in body
    assert len(told["message"]) < 600


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.slow
def test_the_columns_of_cxrreportgen_are_accepted_and_their_texts_ignored(served: Served, name: str) -> None:
    status, body = served.answers[f"table {name}"]
    assert status == 200, body
    (row,) = json.loads(body)["predictions"]
    assert row["report"] == json.loads(served.answers["PNG"][1])["predictions"][0]["report"]
    assert row["notes"][-1]["code"] == "texts_ignored"
    assert SECRET not in body


@pytest.mark.slow
def test_the_server_still_answers_afterwards(served: Served) -> None:
    assert served.answers["afterwards"] == served.answers["PNG"]


def test_requirements_are_dependencies_of_the_project() -> None:
    text = (HERE.parents[1] / "pyproject.toml").read_text()
    dependencies = text.partition("dependencies = [")[2].partition("\n]")[0]
    assert [name for name in REQUIREMENTS if f'"{name}>=' not in dependencies] == []


@pytest.mark.parametrize("resealed", [False, True])
@pytest.mark.slow
def test_a_bundle_changed_in_the_registry_is_not_served(registry: str, resealed: bool) -> None:
    folder = fetch_bundle_folder("models:/coherent-cxr@champion", registry)
    model = str(folder.parents[1])
    assert mlflow.pyfunc.load_model(model).predict([{"image": PNG}])[0].report
    good = {name: (folder / name).read_bytes() for name in ("vocabulary.json", "manifest.json")}
    try:
        swapped = good["vocabulary.json"].replace(b'"clear", "effusion"', b'"effusion", "clear"')
        assert swapped != good["vocabulary.json"]
        (folder / "vocabulary.json").write_bytes(swapped)
        if resealed:
            write_manifest(folder, ["model.safetensors", "config.json", "vocabulary.json"])
        wrong = "not the one of the bundle that was registered" if resealed else "not the file that was saved"
        with pytest.raises(Exception, match=wrong):
            mlflow.pyfunc.load_model(model)
        with pytest.raises(BundleError, match=wrong):
            ModelBundle.load(fetch_bundle_folder("models:/coherent-cxr@champion", registry))
    finally:
        for name, content in good.items():
            (folder / name).write_bytes(content)
