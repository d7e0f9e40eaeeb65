"""The champion's alias against registries that fail, race or were written by others."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import mlflow
import pytest

from coherent_cxr.serving.registration import aliases
from coherent_cxr.serving.registration.aliases import RegistryError, champion_of, settle
from coherent_cxr.serving.registration.selection import Promotion, RegistryEntry, promote

NAME = "coherent-cxr"


def _version(client: mlflow.MlflowClient, score: object, digest: str = "d") -> RegistryEntry:
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME)
    version = str(client.create_model_version(NAME, "file:///nowhere").version)
    for key, value in (("selection_score", score), ("selection_rule", "r"), ("validation_digest", digest)):
        client.set_model_version_tag(NAME, version, key, str(value))
    return RegistryEntry(version, float(str(score)) if score != "none" else 0.0, "r", digest)


def test_no_model_and_no_alias_are_no_champion(tracking: str):
    client = mlflow.MlflowClient()
    assert champion_of(client, NAME) is None
    _version(client, 0.5)
    assert champion_of(client, NAME) is None


def test_a_deleted_champion_is_no_champion(tracking: str):
    client = mlflow.MlflowClient()
    version = _version(client, 0.5)
    assert settle(client, tracking, NAME, version, "keep")[0] == "champion"
    client.delete_model_version(NAME, version.version)
    assert champion_of(client, NAME) is None


def test_a_challenger_that_becomes_champion_is_compared_with_itself_no_more(tracking: str):
    client = mlflow.MlflowClient()
    settle(client, tracking, NAME, _version(client, 0.5), "keep")
    challenger = _version(client, 0.25)
    assert settle(client, tracking, NAME, challenger, "keep")[0] == "challenger"
    assert (
        settle(client, tracking, NAME, dataclasses.replace(challenger, score=0.75), "keep")[0] == "champion"
    )
    assert dict(client.get_registered_model(NAME).aliases) == {"champion": int(challenger.version)}


@pytest.mark.parametrize("score", ["none", ""])
def test_a_champion_that_someone_tagged_otherwise_is_kept(tracking: str, score: str):
    client = mlflow.MlflowClient()
    champion = _version(client, 0.5)
    client.set_model_version_tag(NAME, champion.version, "selection_score", score)
    client.set_registered_model_alias(NAME, "champion", champion.version)
    alias, promotion = settle(client, tracking, NAME, _version(client, 0.9), "keep")
    assert (alias, promotion.moved) == ("challenger", False)
    assert "cannot be compared" in promotion.reason


def test_a_broken_database_is_not_taken_for_no_champion(tracking: str):
    client = mlflow.MlflowClient()
    champion, better = _version(client, 0.5), _version(client, 0.9)
    settle(client, tracking, NAME, champion, "keep")
    database = sqlite3.connect(tracking.removeprefix("sqlite:///"))
    database.execute("ALTER TABLE registered_model_aliases RENAME TO elsewhere")
    database.commit()
    with pytest.raises(RegistryError, match=r"(?s)did not answer about 'coherent-cxr'.*left where it is"):
        settle(client, tracking, NAME, better, "keep")
    database.execute("ALTER TABLE elsewhere RENAME TO registered_model_aliases")
    database.commit()
    database.close()
    assert champion_of(client, NAME).version == champion.version


class Broken(BaseHTTPRequestHandler):
    """A server that is no MLflow server, or one that fails."""

    status = 500

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<html>something else</html>" * 100)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.parametrize("status", [200, 401, 404])
@pytest.mark.slow
def test_a_server_that_fails_is_not_taken_for_no_champion(monkeypatch: pytest.MonkeyPatch, status: int):
    monkeypatch.setattr(Broken, "status", status)
    server = HTTPServer(("127.0.0.1", 0), Broken)
    Thread(target=server.serve_forever, daemon=True).start()
    client = mlflow.MlflowClient(registry_uri=f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(RegistryError) as told:
        champion_of(client, NAME)
    server.shutdown()
    server.server_close()
    assert len(str(told.value)) < 600


@pytest.mark.slow
def test_of_two_runs_at_once_the_better_is_champion(tracking: str, monkeypatch: pytest.MonkeyPatch):
    client = mlflow.MlflowClient()
    settle(client, tracking, NAME, _version(client, 0.1), "keep")
    better, worse = _version(client, 0.9), _version(client, 0.5)

    def slowly(candidate: RegistryEntry, *others: object) -> Promotion:
        time.sleep(0.2 if candidate == better else 0.6)  # between reading the champion and moving the alias
        return promote(candidate, *others)

    monkeypatch.setattr(aliases, "promote", slowly)
    told: dict[str, str] = {}

    def run(version: RegistryEntry) -> None:
        told[version.version] = settle(mlflow.MlflowClient(), tracking, NAME, version, "keep")[0]

    runs = [Thread(target=run, args=(version,)) for version in (better, worse)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert told[better.version] == "champion"
    assert champion_of(client, NAME).version == better.version


def test_the_champion_registered_again_stays_champion(tracking: str):
    """The same weights keep their version: it must not become the challenger of itself."""
    client = mlflow.MlflowClient()
    champion = _version(client, 0.5)
    settle(client, tracking, NAME, champion, "keep")
    alias, promotion = settle(client, tracking, NAME, champion, "keep")
    assert (alias, promotion.moved) == ("champion", False)
    assert "is the champion already" in promotion.reason
    aliases_now = client.get_registered_model(NAME).aliases
    assert {alias: str(own) for alias, own in aliases_now.items()} == {"champion": champion.version}


def test_an_alias_that_others_move_is_decided_anew(tracking: str, monkeypatch: pytest.MonkeyPatch):
    """Behind a server nothing shuts others out: here one sets the alias right after us."""
    client = mlflow.MlflowClient()
    best, ours = _version(client, 0.9), _version(client, 0.5)

    class Crowded:
        """The registry, with another machine that moves the alias back to its own version once."""

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
            client.set_registered_model_alias(name, alias, version)
            if alias == "champion":
                client.set_registered_model_alias(name, alias, best.version)

    alias, promotion = settle(Crowded(), "http://elsewhere", NAME, ours, "keep")
    assert (alias, promotion.moved) == ("challenger", False)
    assert "0.5000 against 0.9000" in promotion.reason
    assert champion_of(client, NAME).version == best.version
