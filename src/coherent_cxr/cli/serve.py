"""``coherent-cxr serve``: reports over HTTP."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coherent_cxr.cli.generate import open_named
from coherent_cxr.cli.places import require_writable_file
from coherent_cxr.cli.project import find_project, model_options, open_tracking
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.inputs.names import printable
from coherent_cxr.runtime.log import RunHandler
from coherent_cxr.serving.rest.settings import ServiceSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from coherent_cxr.serving.rest.dicomweb.archive import Archive
    from coherent_cxr.serving.study.writer import StudyWriter

TOKEN = "COHERENT_CXR_TOKEN"
SHORTEST_TOKEN = 16
OPEN = (
    "Warning: '{host}' can be reached from other machines, and no token is asked for: whoever reaches it can "
    "use the model. Set the variable {variable}, or leave --host out."
)


def _with_limits(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, field in reversed(ServiceSettings.model_fields.items()):
        command = click.option(
            f"--{name.replace('_', '-')}",
            type=field.annotation,
            default=field.default,
            show_default=True,
            help=field.description,
        )(command)
    return command


@click.command()
@model_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve at.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0 takes any free one."
)
@click.option(
    "--operating-point",
    metavar="balanced|sensitive|specific|precision-0.7 ...",
    help="As of the command generate.",
)
@click.option(
    "--token-env",
    default=TOKEN,
    show_default=True,
    help="Environment variable that holds the token which clients must send; unset asks for none.",
)
@click.option("--page/--no-page", default=True, show_default=True, help="Whether to serve the page, too.")
@click.option(
    "--dicomweb",
    metavar="URL",
    help="An archive to fetch studies from and store reports in, as http://localhost:8042/dicom-web.",
)
@click.option(
    "--identify",
    is_flag=True,
    help="File stored reports under the patient of their study; else they name nobody.",
)
@click.option(
    "--challenger",
    metavar="MODEL",
    help="A model that reads along and answers nobody; /metrics counts where its labels differ.",
)
@click.option(
    "--drift-log",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File (SQLite) of numbers and salted hashes, for the command drift.",
)
@click.option("--compare", metavar="MODEL", help="A second model that the page can show beside the first.")
@_with_limits
def serve(
    model: str,
    uri: str | None,
    host: str,
    port: int,
    operating_point: str | None,
    token_env: str,
    page: bool,
    dicomweb: str | None,
    identify: bool,
    challenger: str | None,
    drift_log: Path | None,
    compare: str | None,
    **limits: Any,
) -> None:
    """Serve reports over HTTP, until Ctrl-C.

    For research only, not for clinical use.
    """
    from coherent_cxr.serving.rest import require_libraries

    require_libraries()
    from coherent_cxr.serving.rest.app import create_app
    from coherent_cxr.serving.rest.server import LOCAL_NAMES, address_of, is_loopback, open_socket
    from coherent_cxr.serving.rest.server import serve as run

    try:
        settings = ServiceSettings(**limits)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    token = _token(token_env)
    archive = None if dicomweb is None else _archive(dicomweb, settings)
    if drift_log is not None:
        require_writable_file(drift_log, "--drift-log")
    with open_socket(host, port) as taken:
        writer = _writer(model, uri, operating_point)
        local = is_loopback(host)
        if not local and token is None:
            click.echo(OPEN.format(host=printable(host), variable=printable(token_env)), err=True)
        names = LOCAL_NAMES if local and token is None else ()
        app = create_app(writer, settings, token, names)
        if drift_log is not None:
            from coherent_cxr.serving.monitoring.drift_log import DriftLog

            app.state.service.drift_log = DriftLog(drift_log)
        if challenger is not None:
            _add_shadow(app, challenger, uri, operating_point)
        if archive is not None:
            from coherent_cxr.serving.rest.dicomweb.routes import dicomweb_router

            app.include_router(dicomweb_router(archive, identify))
        if page:
            _mount_page(app, settings, [_writer(compare, uri, None, "--compare")] if compare else [])
        _log_requests()

        def ready() -> None:
            address = address_of(taken)
            click.echo(f"Ready: POST {address}/v1/reports, described at {address}/docs ({printable(model)}).")
            if page:
                click.echo(f"The page for people: {address}/")
            click.echo("For research only, not for clinical use. Ctrl-C ends the service.")

        if not run(app, taken, ready):
            raise click.ClickException("The service could not start; the lines above say why.")
    click.echo("The service has ended.")


def _archive(url: str, settings: ServiceSettings) -> Archive:
    from coherent_cxr.serving.rest.dicomweb.archive import Archive, ArchiveAddressError

    try:
        return Archive(url, settings)
    except ArchiveAddressError as error:
        raise click.BadParameter(str(error), param_hint="--dicomweb") from error


def _add_shadow(app: FastAPI, model: str, uri: str | None, operating_point: str | None) -> None:
    from coherent_cxr.serving.rest.shadow.shadow import Shadow, ShadowLog

    # which cannot be used is said now
    challenger = _writer(model, uri, operating_point, "--challenger").identity.digest
    folder = Path(model)
    if model.startswith("models:/"):
        from coherent_cxr.serving.registration.fetching import fetch_bundle

        folder, _ = fetch_bundle(model, uri or open_tracking(find_project(Path.cwd())))
    service = app.state.service
    log, champion = service.drift_log, service.writer.identity.digest
    kept = None if log is None else ShadowLog(log, champion, challenger)
    service.shadow = Shadow(folder.resolve(), operating_point, service.metrics.registry, kept)


def _mount_page(app: FastAPI, settings: ServiceSettings, others: list[StudyWriter]) -> None:
    from coherent_cxr.serving.page.model import LocalModel, PageModel
    from coherent_cxr.serving.page.mounting import mount_page
    from coherent_cxr.serving.page.uploads import UploadLimits
    from coherent_cxr.serving.rest.page_model import ServedModel

    limits = UploadLimits(
        settings.max_file_bytes, settings.max_images, settings.max_request_bytes, settings.max_held_bytes
    )
    models: list[PageModel] = [ServedModel(app.state.service)]
    models += [LocalModel(writer) for writer in others]
    mount_page(app, models, limits)


def _log_requests() -> None:
    log = logging.getLogger("coherent_cxr.serving.rest")
    log.setLevel(logging.INFO)
    log.addHandler(RunHandler(errors=True))
    log.propagate = False


def _token(variable: str) -> str | None:
    token = os.environ.get(variable)
    if token is None:
        return None
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise click.ClickException(
            f"The variable {variable} holds no token: at least {SHORTEST_TOKEN} letters and digits, as "
            "`python -c 'import secrets; print(secrets.token_urlsafe())'` makes them."
        )
    return token


def _writer(model: str, uri: str | None, operating_point: str | None, option: str = "--model") -> StudyWriter:
    opened = open_named(model, uri, option)
    from coherent_cxr.models.decider import OperatingPointError
    from coherent_cxr.serving.study.writer import StudyWriter

    try:
        return StudyWriter(opened.bundle, opened.identity, operating_point=operating_point)
    except OperatingPointError as error:
        of = "" if option == "--model" else f" (of {option})"
        raise click.ClickException(f"--operating-point{of}: {error}") from error
