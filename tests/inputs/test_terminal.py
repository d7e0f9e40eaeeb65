"""Names of files never move a cursor, whichever way they are shown."""

import io
import logging
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.cli import main
from coherent_cxr.inputs.terminal import PlainFilter, plain

EVIL = "\x1b[2J\x1b]0;owned\x07\rok \x9b31m\udcff\u202e.png"
SHOWN = r"\x1b[2J\x1b]0;owned\x07\rok \x9b31m\udcff\u202e.png"


def test_lines_and_tabs_stay_and_the_rest_is_escaped() -> None:
    assert plain(f"a\n\tb {EVIL}\n") == f"a\n\tb {SHOWN}\n"


@given(st.text(alphabet=st.characters(codec=None)))
def test_plain_text_is_unchanged_and_whatever_comes_out_is_plain(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert all(c.isprintable() or c in "\n\t" for c in once)
    if all(c.isprintable() or c in "\n\t" for c in text):
        assert once == text


def test_log_records(caplog: pytest.LogCaptureFixture) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(PlainFilter())
    log = logging.Logger("names")
    log.addHandler(handler)
    log.warning("read %s in row %d", EVIL, 3)
    log.warning(f"all of {EVIL}")
    try:
        raise FileNotFoundError(2, "No such file", EVIL)
    except FileNotFoundError:
        log.exception("failed")
    try:
        raise ValueError(f"cannot read {EVIL}")
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    assert f"read {SHOWN} in row 3\nall of {SHOWN}\n" in text
    assert f"ValueError: cannot read {SHOWN}" in text
    assert "in test_log_records" in text
    assert all(c.isprintable() or c == "\n" for c in text)


def test_errors_of_commands(tmp_path: Path) -> None:
    name = EVIL.replace("\udcff", "").replace("/", "")
    answer = CliRunner().invoke(main, ["label", "--reports_path", str(tmp_path / name), "--output_path", "x"])
    assert answer.exit_code
    assert r"\x1b[2J" in answer.output
    assert all(c.isprintable() or c == "\n" for c in answer.output)
