"""A command imports what it uses: help and labels come before a second is over."""

from __future__ import annotations

import importlib
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from coherent_cxr.cli import KEDRO_COMMANDS, cli, main, module_of, name_of
from coherent_cxr.cli.examples import EXAMPLES
from helpers.tiny_bundle import make_bundle

HEAVY = {
    *("kedro", "mlflow", "torch", "pandas", "numpy", "pyarrow", "scipy", "sklearn", "matplotlib", "jinja2"),
    *("rich", "PIL", "requests", "pydantic"),
}
"""Packages each of which takes longer to import than the command line needs in all."""
CALL = """
import sys
from coherent_cxr.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    call = [sys.executable, "-c", CALL, *arguments]
    told = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=True)
    return set(told.stderr.split())


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ("label", "--help"), ("label", "--output_path", "labels.csv")]
)
@pytest.mark.slow
def test_help_and_labels_import_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "reports.csv").write_text('"The heart is enlarged. No effusion."\n')
    if "--output_path" in arguments:
        arguments = (*arguments, "--reports_path", "reports.csv")
    assert not imported(tmp_path, *arguments) & HEAVY
    assert ("--output_path" in arguments) == (tmp_path / "labels.csv").exists()


def test_a_report_on_a_page_or_in_parquet_imports_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "reports.csv").write_text('"The heart is enlarged. No effusion."\n')
    found = imported(
        tmp_path,
        *("label", "--reports_path", "reports.csv", "--output_path", "l.parquet", "--html", "l.html"),
    )
    assert {"pyarrow", "jinja2"} <= found
    assert (tmp_path / "l.parquet").read_bytes().startswith(b"PAR1")
    assert "enlarged" in (tmp_path / "l.html").read_text()


@pytest.mark.slow
def test_reports_are_scored_without_pytorch(tmp_path: Path) -> None:
    for name, effusion in (("mine", "a small"), ("reports", "no")):
        rows = [f"s{i},The heart is enlarged. There is {effusion} effusion {i}." for i in range(3)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["study_id,report", *rows]))
    files = ("--generated", "mine.csv", "--references", "reports.csv")
    found = imported(tmp_path, "evaluate", *files, "--output", "out", "--no-meteor")
    assert not found & {"torch", "kedro", "mlflow"}
    assert (tmp_path / "out" / "results_page.html").exists()


@pytest.mark.slow
def test_a_report_of_a_png_imports_what_its_model_needs(tmp_path: Path) -> None:
    make_bundle().save(tmp_path / "model")
    Image.fromarray(np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)).save(tmp_path / "image.png")
    found = imported(tmp_path, "generate", "image.png", "--model", "model")
    assert "torch" in found
    assert not found & {"kedro", "mlflow", "pydicom", "matplotlib", "scipy", "sklearn", "torchvision"}


@pytest.mark.parametrize("name", KEDRO_COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    module = importlib.import_module(module_of(name))
    command = getattr(module, name_of(name))
    assert command.get_short_help_str(limit=200) == KEDRO_COMMANDS[name]


@pytest.mark.parametrize("name", KEDRO_COMMANDS)
def test_every_example_is_a_line_that_the_command_takes(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    shown = command.get_help(click.Context(command, info_name=name)).partition("Examples:\n")[2].splitlines()
    assert [line.strip() for line in shown] == list(EXAMPLES[name])
    known = {option for parameter in command.params for option in parameter.opts}
    for line in EXAMPLES[name]:
        assert {word for word in shlex.split(line) if word.startswith("--")} <= known


def test_every_command_of_the_group_is_found() -> None:
    for name in main.list_commands(None):
        command = main.get_command(None, name)
        assert command is not None
        assert command.name == name
    assert main.get_command(None, "labels") is None
