"""Errors that a user can fix are sentences; mistakes of the program keep their traceback."""

from __future__ import annotations

import errno
import json
import sqlite3
import traceback

import click
import pytest
import yaml
from click.testing import CliRunner
from kedro.config import MissingConfigException
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Pipeline
from mlflow.exceptions import MlflowException
from omegaconf.errors import InterpolationResolutionError

from coherent_cxr.chexpert.codes import columns_of
from coherent_cxr.cli.boundary import in_sentences, sentence_of
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.images.store import ImageStoreError
from coherent_cxr.reports.vocabulary import Vocabulary


def _raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as raised:
        return raised


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("told"),
        ImageStoreError("told"),
        OSError(errno.ENOSPC, "told"),
        PermissionError(errno.EACCES, "told"),
        MlflowException("told"),
        MissingConfigException("told"),
        InterpolationResolutionError("told"),
        sqlite3.OperationalError("told"),
        yaml.YAMLError("told"),
        DatasetError("told"),
        _raised(DatasetError("told"), OSError(errno.ENOSPC, "full")),
        _raised(DatasetError("told"), json.JSONDecodeError("cut", "", 0)),
        _raised(ConfigurationError("told"), KeyError("ours, whatever led to it")),
    ],
)
def test_what_a_user_can_mend_is_a_sentence(error: BaseException) -> None:
    assert "told" in str(sentence_of(_raised(error, error.__cause__)))


@pytest.mark.parametrize(
    "error",
    [
        ValueError("ours to fix"),
        KeyError("word"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        _raised(DatasetError("saving"), TypeError("not JSON serializable")),
        _raised(MlflowException("inside"), AttributeError("no such")),
        BrokenPipeError(errno.EPIPE, "head has seen enough"),
    ],
)
def test_a_mistake_of_the_program_is_not(error: BaseException) -> None:
    assert sentence_of(_raised(error, error.__cause__)) is None


def test_a_value_that_our_code_refuses_is_a_sentence_in_a_child_process_too() -> None:
    with pytest.raises(ValueError, match="needs tokens") as refused:
        Vocabulary.from_dict({})
    assert "needs tokens" in str(sentence_of(refused.value))
    elsewhere = ValueError("told")
    elsewhere.add_note("In its own process:\n" + "".join(traceback.format_exception(refused.value)))
    assert sentence_of(_raised(elsewhere)) == "told"
    with pytest.raises(ValueError) as mistake:  # noqa: PT011 - Python's own error in our code has no text
        columns_of(["no observation"])
    assert sentence_of(mistake.value) is None


def test_what_kedro_says_of_names_it_was_given_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="does not contain") as raised:
        Pipeline([]).only_nodes("absent")
    assert "absent" in str(sentence_of(raised.value))
    with pytest.raises(DatasetError) as missing:
        DataCatalog().load("absent")
    assert "absent" in str(sentence_of(missing.value))


def test_a_sentence_is_one_line_without_passwords_and_control_characters() -> None:
    told = sentence_of(_raised(OSError(errno.EIO, "a\n  b \x1b[31mred https://u:hidden@h \x07" + "x" * 5000)))
    assert told is not None
    assert r"a b \x1b[31mred https://u:***@h" in told
    assert len(told) < 700
    assert told.isprintable()


def _command(error: BaseException, code: int) -> tuple[int, str]:
    @click.command()
    def fail() -> None:
        raise error

    answer = CliRunner().invoke(in_sentences(fail, code), [])
    return answer.exit_code, answer.stderr


@pytest.mark.parametrize("code", [1, 2])
def test_the_exit_code_is_the_commands(code: int) -> None:
    assert _command(ConfigurationError("The setting 'a' is 1."), code) == (
        code,
        "Error: The setting 'a' is 1.\n",
    )
    assert _command(click.ClickException("as before"), code) == (1, "Error: as before\n")
    status, told = _command(click.ClickException("at http://u:hidden@h"), code)
    assert (status, told) == (code, "Error: at http://u:***@h\n")


def test_the_traceback_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHERENT_CXR_TRACEBACK", "1")

    @click.command()
    def fail() -> None:
        raise ConfigurationError("told")

    answer = CliRunner().invoke(in_sentences(fail, 2), [])
    assert isinstance(answer.exception, ConfigurationError)
