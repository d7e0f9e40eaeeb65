"""``kedro run``: Kedro's own command, which ends in a sentence when it cannot run or is stopped."""

from __future__ import annotations

import atexit
import difflib
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Never

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines, settings
from kedro.utils import load_obj

from coherent_cxr.cli.project import environment_message
from coherent_cxr.pipeline_registry import EXTRA_STAGES, STAGES, full_node_name
from coherent_cxr.pipelines import systems
from coherent_cxr.runtime.garbage import collect_seldom
from coherent_cxr.runtime.log import VERBOSE, set_up_log
from coherent_cxr.stopped import RunStoppedError
from coherent_cxr.tracking.stale import active_run, close_active_runs, close_run

RUNNERS = ("SequentialRunner", "ThreadRunner", "ParallelRunner")
NODE_OPTIONS = {"node_names": "--nodes", "from_nodes": "--from-nodes", "to_nodes": "--to-nodes"}
NAMESPACES = "namespaces"
PATIENCE = 5.0
"""Seconds that threads and workers get to end after a signal."""


@click.pass_context
def _run(context: click.Context, /, **options: Any) -> Any:
    collect_seldom()  # until the pipeline runs
    atexit.register(gc.unfreeze)  # files that nodes have left open are written out by the last collection
    if options.pop("verbose"):
        os.environ[VERBOSE] = "1"  # processes that the run starts go by it, too
    set_up_log()
    metadata = context.find_root().obj
    project = Path(metadata.project_path) if metadata else Path.cwd()
    _check_names(project, options)
    _complete_names(project, options)
    call: Any = kedro_run.callback
    waits = options["runner"] in ("ThreadRunner", "ParallelRunner") or options["is_async"]
    with stopped_in_order(patience=PATIENCE if waits else None):
        return call(**options)


_VERBOSE_OPTION = click.Option(
    ["--verbose"],
    is_flag=True,
    help=f"Show Kedro's own log: every node with its inputs and outputs. As {VERBOSE}=1.",
)
run = click.Command("run", callback=_run, params=[*kedro_run.params, _VERBOSE_OPTION], help=kedro_run.help)


def _check_names(project: Path, options: dict[str, Any]) -> None:
    """Refuse names that nothing bears, before anything is imported or made.

    Raises:
        RunStoppedError: The message suggests a name.
    """
    env = options["env"] or os.environ.get("KEDRO_ENV")
    conf = Path(options["conf_source"] or project / settings.CONF_SOURCE)
    if env and conf.is_dir() and (message := environment_message(conf, env)):
        raise RunStoppedError(message)
    known = ("__default__", *STAGES, *EXTRA_STAGES)
    for name in filter(None, [options["pipeline"], *options["pipelines"]]):
        if name not in known:
            raise RunStoppedError(f"There is no pipeline '{name}'. {_nearest(name, known)}")
    settable: tuple[str, ...] = ()
    if options["params"]:
        systems.follow(settings.CONFIG_LOADER_CLASS(conf, env=env, **settings.CONFIG_LOADER_ARGS))
        settable = ("runtime", "systems", "main_system", *_settings_of_all_stages())
    for given in _leaves(options["params"]):
        if not any(f"{given}.".startswith(f"{one}.") or one.startswith(f"{given}.") for one in settable):
            near = _nearest(given.rpartition(".")[0] or given, settable)
            raise RunStoppedError(f"No stage has the setting '{given}' (--params). {near}")
    runner = options["runner"]
    try:
        load_obj(runner or "SequentialRunner", "kedro.runner")
    except (ImportError, AttributeError, ValueError):
        raise RunStoppedError(f"There is no runner '{runner}'. {_nearest(runner, RUNNERS)}") from None


def _complete_names(project: Path, options: dict[str, Any]) -> None:
    """Put its stage before the name of every node and namespace, where that is left out.

    Raises:
        RunStoppedError: If there is no such one, or several; the message names those that may be meant.
    """
    if not any(options.get(key) for key in (*NODE_OPTIONS, NAMESPACES)):
        return
    conf = Path(options["conf_source"] or project / settings.CONF_SOURCE)
    env = options["env"] or os.environ.get("KEDRO_ENV")
    systems.follow(settings.CONFIG_LOADER_CLASS(conf, env=env, **settings.CONFIG_LOADER_ARGS))
    every = [node for pipeline in pipelines.values() for node in pipeline.nodes]
    nodes = tuple(dict.fromkeys(node.name for node in every))
    for key, option in NODE_OPTIONS.items():
        options[key] = _full_names(options.get(key), nodes, "node", option)
    namespaces = tuple(dict.fromkeys(name for node in every for name in node.namespace_prefixes))
    options[NAMESPACES] = _full_names(options.get(NAMESPACES), namespaces, "namespace", "--namespaces")


def _full_names(given: Sequence[str] | None, known: tuple[str, ...], kind: str, option: str) -> list[str]:
    full = [full_node_name(name, known) for name in given or ()]
    for name in full:
        if name not in known:
            meant = [one for one in known if one.endswith(f".{name}")]
            near = f"It may be {', '.join(meant)}." if meant else _nearest_part(name, known)
            raise RunStoppedError(f"There is no {kind} '{name}' ({option}). {near}")
    return full


def _nearest_part(name: str, known: tuple[str, ...]) -> str:
    last = {one.rpartition(".")[2]: one for one in known}
    near = difflib.get_close_matches(name, [*known, *last], n=1)
    return f"Did you mean '{near[0]}'?" if near else "`kedro registry describe <pipeline>` lists the nodes."


def _settings_of_all_stages() -> list[str]:
    inputs = {name for pipeline in pipelines.values() for name in pipeline.inputs()}
    return sorted(name.removeprefix("params:") for name in inputs if name.startswith("params:"))


def _leaves(given: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in given.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."


class StoppedError(KeyboardInterrupt):
    """A signal asked the run to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stopped_in_order(patience: float | None = None) -> Iterator[None]:
    """End with a sentence on Ctrl-C and SIGTERM, and let MLflow list the run as killed.

    A second signal ends the process at once. Signals that are ignored stay so: ``nohup`` lets a run live when
    its terminal closes.

    Args:
        patience: Seconds after which the process ends whatever its threads and workers are at, which Kedro's
            runners would wait for. All that is saved is saved whole, so nothing breaks. None waits.
    """
    process = os.getpid()

    def stop(number: int, _: FrameType | None) -> Never:
        for one in former:
            signal.signal(one, signal.SIG_DFL)
        if os.getpid() != process:  # a child of this process has no run to end
            signal.raise_signal(number)
        if patience is not None:
            cut = threading.Timer(patience, _end_now, [number, active_run()])
            cut.daemon = True
            cut.start()
        raise StoppedError(number)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heeded = [one for one in signals if signal.getsignal(one) not in (signal.SIG_IGN, None)]
    former = {one: signal.signal(one, stop) for one in heeded}
    try:
        yield
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, StoppedError) else int(signal.SIGINT)
        close_active_runs("KILLED")
        _say_stopped(number)
        raise SystemExit(128 + number) from None
    except BaseException:
        close_active_runs("FAILED")
        raise
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)


def _end_now(number: int, run_id: str | None) -> None:
    close_run(run_id, "KILLED")
    _say_stopped(number)
    for child in multiprocessing.active_children():
        child.kill()
    sys.stdout.flush()
    os._exit(128 + number)


def _say_stopped(number: int) -> None:
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    click.echo(
        f"Stopped by {name}. Finished stages are saved; run the same command again, and training goes on at "
        "its last checkpoint.",
        err=True,
    )
