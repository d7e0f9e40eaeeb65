"""Settings of the command `serve` that stop it before it answers."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from coherent_cxr.cli import main


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (("--host", "192.0.2.1"), {}, "of '192.0.2.1' cannot be taken"),
        (("--batch", "0"), {}, "it must be a positive whole number"),
        (("--decode-seconds", "nan"), {}, "it must be a positive number"),
        ((), {"COHERENT_CXR_TOKEN": "short"}, "COHERENT_CXR_TOKEN holds no token"),
        ((), {"COHERENT_CXR_TOKEN": "with a line\nend in its middle"}, "COHERENT_CXR_TOKEN holds no token"),
        (("--operating-point", "balanced", "--port", "0"), {}, "brings no decisions to follow"),
        (("--model", "nowhere", "--port", "0"), {}, "The option --model names another"),
    ],
)
def test_a_wrong_setting_stops_it_in_a_sentence(
    options: tuple[str, ...],
    variables: dict[str, str],
    words: str,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(main, ["serve", "--model", str(model), *options])
    assert answer.exit_code == 1, answer.output
    assert words in answer.output
    assert "Traceback" not in answer.output


def test_a_port_that_is_taken_is_said_before_the_model_is_loaded(model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = CliRunner().invoke(main, ["serve", "--model", "nowhere", "--port", str(port)])
    assert answer.exit_code == 1
    assert f"Port {port} of '127.0.0.1' cannot be taken: Address already in use." in answer.output
