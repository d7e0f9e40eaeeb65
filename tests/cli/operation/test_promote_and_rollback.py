"""``coherent-cxr promote`` and ``rollback`` as somebody types them."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner, Result

from coherent_cxr.cli import main


@pytest.fixture
def own_registry(registry, tmp_path: Path) -> str:
    shutil.copy(registry.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_champion_is_replaced_and_comes_back(own_registry, tmp_path):
    client = mlflow.MlflowClient(tracking_uri=own_registry, registry_uri=own_registry)
    (tmp_path / "model").mkdir()
    client.create_model_version("coherent-cxr", (tmp_path / "model").as_uri())
    client.set_model_version_tag("coherent-cxr", "2", "collapsed", "no")
    done = typed("promote", "2", "--reason", "Better on our films.", "--tracking-uri", own_registry)
    assert done.exit_code == 0, done.output
    assert "Version 2 of 'coherent-cxr' is the champion now; before it, version 1." in done.output
    assert "Better on our films." in done.output
    back = typed("rollback", "--reason", "It was not.", "--tracking-uri", own_registry)
    assert back.exit_code == 0, back.output
    assert "Version 1 of 'coherent-cxr' is the champion now; before it, version 2." in back.output


REFUSED = [
    (["promote", "1"], "Missing option '--reason'"),
    (["promote", "1", "--reason", " "], "The reason is empty"),
    (["promote", "1", "--reason", "Better."], "is the champion already"),
    (["promote", "9", "--reason", "Better."], "has no version '9'. There are: 1."),
    (["rollback", "--reason", "Worse."], "remembers no earlier champion"),
    (["rollback", "--reason", "Worse.", "--name", "other"], "no model 'other'"),
]


def test_what_cannot_be_done_is_one_sentence(own_registry):
    for arguments, message in REFUSED:
        told = typed(*arguments, "--tracking-uri", own_registry)
        assert told.exit_code != 0
        assert message in told.output
        assert "Traceback" not in told.output


def test_without_a_database_the_remedy_is_named(tmp_path):
    told = typed("rollback", "--reason", "x", "--tracking-uri", f"sqlite:///{tmp_path / 'none.db'}")
    assert "There is no tracking database" in told.output
    assert not (tmp_path / "none.db").exists()
