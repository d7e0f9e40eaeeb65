"""The command `kedro run` itself, in processes that are forked: a start costs a second."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from coherent_cxr.cli.run import stopped_in_order
from coherent_cxr.context import sentences
from coherent_cxr.tracking.stale import PROCESS, process_tags
from helpers.commands import KEDRO, Running
from helpers.forks import Forks

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def kedro(forks: Forks) -> Callable[..., Running]:
    """Starts the command."""

    def start(folder: Path, *arguments: str, **variables: str) -> Running:
        return Running(forks, (*KEDRO, *arguments), folder, **variables)

    return start


@pytest.fixture(scope="module")
def this_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project's configuration, with its code left where it is."""
    folder = tmp_path_factory.mktemp("this_project")
    shutil.copytree(REPOSITORY / "conf", folder / "conf")
    for entry in ("pyproject.toml", ".telemetry"):
        shutil.copy(REPOSITORY / entry, folder)
    (folder / "src").mkdir()  # Kedro wants one inside the project
    return folder


@pytest.mark.slow
def test_a_wrong_setting_is_one_line_and_exit_code_2(kedro, this_project):
    wrong = "mle_training.epochs=-1"
    arguments = ("run", "--env", "test", "--pipelines", "mle_training", "--params", wrong)
    code, _, told = kedro(this_project, *arguments).end()
    assert code == 2
    assert told.splitlines()[-1] == (
        "Error: The setting 'mle_training.epochs' is -1; it must be a positive whole number."
    )
    assert "Traceback" not in told
    assert not (this_project / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "variables", "hint"),
    [
        (["run", "--env", "tset"], {}, "no environment 'tset'.*Did you mean 'test'"),
        (["run"], {"KEDRO_ENV": "opnei"}, "no environment 'opnei'.*Did you mean 'openi'"),
        (
            ["run", "--pipelines", "mle_trainign"],
            {},
            "no pipeline 'mle_trainign'.*Did you mean 'mle_training'",
        ),
        (
            ["run", "--params", "rl_fine_tuning.select=macro_f1"],
            {},
            r"No stage has the setting 'rl_fine_tuning.select' .*Did you mean '\w+\.rl_fine_tuning'",
        ),
        (
            ["run", "--params", "mle_training.seed=1,mle_trainig.epochs=2"],
            {},
            "'mle_trainig.epochs' .*Did you mean 'mle_training'",
        ),
        (["run", "--runner", "ThredRunner"], {}, "no runner 'ThredRunner'.*'ThreadRunner'"),
    ],
)
@pytest.mark.slow
def test_a_wrong_name_is_one_line_with_a_suggestion(kedro, this_project, arguments, variables, hint):
    code, printed, told = kedro(this_project, *arguments, **variables).end()
    assert (code, printed) == (2, "")
    assert len(told.splitlines()) == 1
    assert re.search(hint, told)


@pytest.mark.slow
def test_settings_that_are_no_mapping_are_named(kedro, this_project):
    local = this_project / "conf" / "local" / "parameters.yml"
    local.parent.mkdir(exist_ok=True)
    local.write_text("- report_parsing\n")
    try:
        _, said, errors = kedro(this_project, "run").end()
    finally:
        local.unlink()
    assert "Traceback" not in said + errors
    told = errors[errors.index("Error: ") :].strip()
    assert told == f"Error: The settings '{local}' must be a mapping of names, and is ['report_parsing']."


@pytest.mark.slow
def test_kedros_own_help_is_unchanged(kedro, this_project):
    printed = kedro(this_project, "run", "--help").end().output
    assert "--only-missing-outputs" in printed
    assert "Run the pipeline" in printed


@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner"])
@pytest.mark.slow
def test_a_terminated_run_ends_in_a_sentence_and_is_listed_as_killed(
    kedro, project, package_folder, client, runner
):
    waits = project / "waits"
    variables = {"TINY_WAITS": str(waits), "PYTHONPATH": str(package_folder)}
    running = kedro(project, "run", "--runner", runner, **variables)
    running.until(waits.exists)
    running.process.send_signal(signal.SIGTERM)
    code, _, told = running.end()  # the node would sleep for two minutes
    assert code == 128 + signal.SIGTERM
    assert told.splitlines()[-1].startswith("Stopped by SIGTERM. Finished stages are saved; run the same")
    assert "Traceback" not in told
    experiment = client.get_experiment_by_name("coherent-cxr").experiment_id
    assert [found.info.status for found in client.search_runs([experiment])] == ["KILLED"]


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_is_ignored_does_not_stop_a_run(ignored):
    before = signal.signal(ignored, signal.SIG_IGN)  # as nohup, and a shell's & in a script
    try:
        with stopped_in_order():
            signal.raise_signal(ignored)
        assert signal.getsignal(ignored) == signal.SIG_IGN
    finally:
        signal.signal(ignored, before)


@pytest.mark.slow
def test_the_next_run_closes_one_that_was_killed_without_notice(run, client):
    run("reading")
    experiment = client.get_experiment_by_name("coherent-cxr").experiment_id
    ended = subprocess.Popen(["true"])
    ended.wait()
    stale = client.create_run(experiment, tags={**process_tags(), PROCESS: str(ended.pid)})
    other = client.create_run(experiment)
    run("reading")
    assert client.get_run(stale.info.run_id).info.status == "KILLED"
    assert client.get_run(other.info.run_id).info.status == "RUNNING"


def test_what_kedro_says_of_parameters_is_cut_to_our_sentences():
    told = (
        "Parameter validation failed:\n"
        "- Parameter 'a': Failed to instantiate AConfig for parameter 'a': The setting 'a.b' is 0.\n"
        "- Parameter 'n.c': Failed to instantiate CConfig for parameter 'n.c': 'c' has no setting 'd'.\n"
        "- Parameter 'n.c': Failed to instantiate CConfig for parameter 'n.c': The setting 'c.e.c' is 3.\n"
        "- Parameter 'f': value is None but type is not Optional"
    )
    assert sentences(told).splitlines() == [
        "The setting 'a.b' is 0.",
        "'n.c' has no setting 'd'.",
        "The setting 'n.c.e.c' is 3.",
        "The setting 'f' is null; it must be a mapping.",
    ]
    assert sentences("something else") == "something else"
