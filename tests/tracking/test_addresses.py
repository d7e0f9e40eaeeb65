"""Addresses: anchored to the project, and never shown with a password."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import assume, example, given
from hypothesis import strategies as st

from coherent_cxr.tracking.addresses import anchored, masked, secrets_of, sqlite_address, sqlite_path
from coherent_cxr.tracking.secrets import kept_by_variables


def test_only_relative_sqlite_addresses_are_anchored(tmp_path: Path) -> None:
    assert anchored("sqlite:///mlflow.db", tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    for uri in (
        "sqlite:////somewhere/mlflow.db",
        "sqlite:///:memory:",
        "http://localhost:5000",
        "databricks",
        None,
    ):
        assert anchored(uri, tmp_path) == uri


@pytest.mark.parametrize("name", ["a b", "100%", "a%20b", "50%25", "what?", "a#b", "ä&+;@:'", "a?b%3Fc"])
def test_a_database_is_found_whatever_its_folder_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "mlflow.db"
    address = sqlite_address(path)
    assert sqlite_path(address) == path
    assert sqlalchemy.make_url(address).database == str(path)
    assert anchored("sqlite:///mlflow.db", tmp_path / name) == address


def test_the_file_of_an_address() -> None:
    assert sqlite_path("sqlite:////a/b.db?timeout=5") == Path("/a/b.db")
    assert sqlite_path("sqlite:///b.db") == Path("b.db")
    for uri in (None, "", "databricks", "http://a/b.db", "sqlite:///:memory:", "sqlite:///"):
        assert sqlite_path(uri) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:s3cret@host:5000/x", "http://user:***@host:5000/x"),
        ("API request to https://u:p%40ss@h failed", "API request to https://u:***@h failed"),
        ("postgresql+psycopg2://me:a@b@db/ml?x=1", "postgresql+psycopg2://me:***@db/ml?x=1"),
        ("http://:token1234@host", "http://:***@host"),
        ("mysql://h/db?user=me&password=abc&x=1", "mysql://h/db?user=me&password=***&x=1"),
        ("https://h/x?api_key=abc;token=d", "https://h/x?api_key=***;token=***"),
        ("'http://a:b@h' and \"http://c:d@i\"", "'http://a:***@h' and \"http://c:***@i\""),
        ("'postgresql://me:s3/cr#et?x@db/ml'", "'postgresql://me:***@db/ml'"),
        ("http://a:b@h,http://c:d@i", "http://a:***@h,http://c:***@i"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("time 10:30 a@b.c", "time 10:30 a@b.c"),
    ],
)
def test_passwords_are_masked_and_nothing_else(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown


@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=4, max_size=20))
@example("s3/cr#et?x")
@example("1234/abc")
@example("a'b\"c")
@example("p@ss@word")
def test_no_password_survives(secret: str) -> None:
    address = f"postgresql://reader:{secret}@mlflow.example.org/api"
    assume(secret not in "cannot reach 'postgresql://reader:@mlflow.example.org/api': refused")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", address)
        shown = masked(f"cannot reach '{address}': refused {secret}")
    assert shown == "cannot reach 'postgresql://reader:***@mlflow.example.org/api': refused ***"
    assert secret in secrets_of([address])


@pytest.mark.parametrize(
    ("address", "rest", "user", "secret"),
    [
        ("http://me:p%40ss@h:5000/x", "http://h:5000/x", "me", "p@ss"),
        ("HTTPS://a%20b:c/d@h", "HTTPS://h", "a b", "c/d"),
        ("http://h:5000/a@b", "http://h:5000/a@b", None, None),
        ("http://me@h", "http://me@h", None, None),
        ("http://:token1234@h", "http://:token1234@h", None, None),
        ("postgresql://me:secret@h/db", "postgresql://me:secret@h/db", None, None),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db", None, None),
    ],
)
def test_mlflow_gets_user_and_password_of_a_server_by_its_variables(
    address: str, rest: str, user: str | None, secret: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT")
    for name in names:
        monkeypatch.setenv(name, "")
    assert kept_by_variables(address) == rest
    assert [os.environ[name] or None for name in names[:2]] == [user, secret]
    assert bool(os.environ[names[2]]) == (":token" in address)


def test_secrets_are_known_as_written_and_as_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a-long-token")
    assert set(secrets_of(["http://u:p%40s%20word@h", ""])) == {
        "a-long-token",
        "p%40s%20word",
        "p@s word",
        "p%40s+word",
    }
    assert masked("wrong: a-long-token") == "wrong: ***"


ENDING = """
import logging, sys
from coherent_cxr.tracking.secrets import hide_secrets
logging.basicConfig(stream=sys.stdout)
hide_secrets(["https://u:pa%24%24word@h"])
logging.warning("connecting as %s with %s", "u", "pa$$word")
try:
    raise OSError("refused: pa$$word")
except OSError:
    logging.exception("failed")
raise RuntimeError("https://u:pa%24%24word@h/api")
"""


def test_neither_a_log_nor_the_last_traceback_shows_a_password() -> None:
    answer = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=False)
    printed = answer.stdout + answer.stderr
    assert answer.returncode == 1
    assert printed.count("***") == 3
    assert "RuntimeError: https://u:***@h/api" in printed
    assert "pa$$word" not in printed
    assert "pa%24%24word" not in printed


def test_without_a_password_logging_is_as_it_was() -> None:
    from coherent_cxr.tracking.secrets import hide_secrets

    before = logging.getLogRecordFactory(), sys.excepthook
    hide_secrets(["sqlite:///mlflow.db", "http://localhost:5000", ""])
    assert (logging.getLogRecordFactory(), sys.excepthook) == before
