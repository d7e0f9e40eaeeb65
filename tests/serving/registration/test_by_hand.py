"""Promotion and rollback by hand: what is moved, what is kept, what is refused."""

from __future__ import annotations

from threading import Thread

import mlflow
import pytest

from coherent_cxr.serving.registration.aliases import settle
from coherent_cxr.serving.registration.by_hand import MoveRefusedError, promote_by_hand, roll_back
from coherent_cxr.serving.registration.history import Move, earlier_champion, moves_of
from coherent_cxr.serving.registration.selection import RegistryEntry

NAME = "coherent-cxr"


@pytest.fixture
def versions(tracking, tmp_path):
    """A client and its address; version 1 is champion, 2 challenger, 3 nothing, 4 has collapsed."""
    client = mlflow.MlflowClient()
    client.create_registered_model(NAME)
    for number in range(1, 5):
        folder = tmp_path / f"model{number}"
        folder.mkdir()
        client.create_model_version(NAME, folder.as_uri(), description=f"# Card {number}")
        client.set_model_version_tag(NAME, str(number), "collapsed", "no")
    client.set_model_version_tag(NAME, "4", "collapsed", "It has collapsed to the normal report: 3 of 90.")
    entry = RegistryEntry("1", 0.5, "r", "d")
    assert settle(client, tracking, NAME, entry, "keep")[0] == "champion"
    client.set_registered_model_alias(NAME, "challenger", "2")
    return client, tracking


def aliases(client):
    return {alias: str(own) for alias, own in client.get_registered_model(NAME).aliases.items()}


def test_a_promotion_is_kept_with_reason_date_and_former_champion(versions):
    client, uri = versions
    moved = promote_by_hand(client, uri, NAME, "2", "  Fewer *missed*\n effusions. ")
    assert moved.move[:3] == ("2", "1", "Fewer *missed* effusions.")
    assert moved.warning == ""
    assert aliases(client) == {"champion": "2", "challenger": "1"}
    version = client.get_model_version(NAME, "2")
    assert version.tags["champion_reason"] == "Fewer *missed* effusions."
    assert version.tags["champion_previous"] == "1"
    assert version.tags["champion_since"] == moved.move.when
    assert version.description.startswith("# Card 2\n\nPromoted by hand on 20")
    assert "instead of version 1: Fewer \\*missed\\* effusions." in version.description
    assert [move.by for move in moves_of(client.get_registered_model(NAME))] == ["rule", "promotion"]


@pytest.mark.slow
def test_a_rollback_goes_back_one_champion_at_a_time_and_then_refuses(versions):
    client, uri = versions
    promote_by_hand(client, uri, NAME, "2", "Better.")
    promote_by_hand(client, uri, NAME, "3", "Better still.")
    assert roll_back(client, uri, NAME, "Invents fractures.").move[:3] == ("2", "3", "Invents fractures.")
    assert roll_back(client, uri, NAME, "So does this.").move.version == "1"
    with pytest.raises(MoveRefusedError, match="no earlier champion"):
        roll_back(client, uri, NAME, "Once more.")
    assert aliases(client)["champion"] == "1"
    promote_by_hand(client, uri, NAME, "3", "Mended.")
    assert roll_back(client, uri, NAME, "Not mended.").move.version == "1"


def test_the_rules_own_moves_are_gone_back_along_too(versions):
    client, uri = versions
    for key, value in (("selection_score", "0.5"), ("selection_rule", "r"), ("validation_digest", "d")):
        client.set_model_version_tag(NAME, "1", key, value)
    settle(client, uri, NAME, RegistryEntry("3", 0.9, "r", "d"), "keep")
    assert aliases(client)["champion"] == "3"
    assert roll_back(client, uri, NAME, "The score misled.").move[:2] == ("1", "3")


REFUSED = [
    ("9", "Why not.", "has no version '9'. There are: 1, 2, 3, 4."),
    ("two", "Why not.", "has no version 'two'"),
    ("-1", "Why not.", "has no version '-1'"),
    ("²", "Why not.", "has no version"),
    ("4", "I want it.", "cannot be champion, by no one's word: It has collapsed to the normal report"),
    ("1", "Again.", "is the champion already"),
    ("2", "", "The reason is empty"),
    ("2", " \n\t… -- ", "The reason is empty"),
    ("2", "x" * 1001, "has 1,001 characters"),
]


def test_what_is_refused_moves_nothing(versions):
    client, uri = versions
    for version, reason, message in REFUSED:
        with pytest.raises(MoveRefusedError) as told:
            promote_by_hand(client, uri, NAME, version, reason)
        assert message in str(told.value)
    assert aliases(client) == {"champion": "1", "challenger": "2"}


def test_a_version_without_files_and_one_that_may_have_collapsed(versions, tmp_path):
    client, uri = versions
    client.delete_model_version_tag(NAME, "3", "collapsed")
    assert "whether it has collapsed" in promote_by_hand(client, uri, NAME, "3", "Better.").warning
    (tmp_path / "model2").rmdir()
    with pytest.raises(MoveRefusedError, match="files of version 2"):
        promote_by_hand(client, uri, NAME, "challenger", "Better.")


def test_another_name_and_a_model_without_history(versions):
    client, uri = versions
    with pytest.raises(MoveRefusedError, match="no model 'other'"):
        promote_by_hand(client, uri, "other", "1", "Better.")
    client.create_registered_model("other")
    with pytest.raises(MoveRefusedError, match="remembers no earlier champion"):
        roll_back(client, uri, "other", "Worse.")
    with pytest.raises(MoveRefusedError, match="has no version at all"):
        promote_by_hand(client, uri, "other", "challenger", "Better.")


def test_two_people_at_once_leave_a_whole_history(versions):
    client, uri = versions
    runs = [
        Thread(target=promote_by_hand, args=(mlflow.MlflowClient(), uri, NAME, version, "Better."))
        for version in ("2", "3")
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    moves = moves_of(client.get_registered_model(NAME))
    assert moves[0].version == "1"
    assert [move.previous for move in moves][1:] == [move.version for move in moves][:-1]
    assert aliases(client)["champion"] == moves[-1].version


def test_what_others_wrote_into_the_history_is_passed_over(versions):
    client, uri = versions
    client.set_registered_model_tag(NAME, "champion_history.0900", "{not json")
    client.set_registered_model_tag(NAME, "champion_history.x", '{"version": "7"}')
    promote_by_hand(client, uri, NAME, "3", "Better.")
    assert [move.version for move in moves_of(client.get_registered_model(NAME))] == ["1", "3"]
    assert roll_back(client, uri, NAME, "Worse.").move.version == "1"


@pytest.mark.parametrize(
    ("moves", "champion", "earlier"),
    [
        ([], "1", None),
        ([("1", None, "rule")], "1", None),
        ([("2", "1", "promotion")], "2", "1"),  # the first was champion before anything was kept
        ([("1", None, "rule"), ("2", "1", "rule"), ("1", "2", "promotion")], "1", "2"),
        ([("2", "1", "promotion"), ("1", "2", "rollback")], "1", None),
        ([("1", None, "rule"), ("2", "1", "rule")], "7", "2"),  # moved in MLflow's own page
        ([("1", None, "rule"), ("2", "1", "rule")], None, "2"),  # taken away there
    ],
)
def test_the_earlier_champion(moves, champion, earlier):
    known = [Move(version, previous, "r", "t", by) for version, previous, by in moves]
    assert earlier_champion(known, champion) == earlier
