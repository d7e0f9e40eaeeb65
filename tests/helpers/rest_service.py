"""The service on a tiny model."""

from __future__ import annotations

from fastapi import FastAPI

from coherent_cxr.serving.rest.app import create_app
from coherent_cxr.serving.rest.settings import ServiceSettings
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import ModelIdentity
from helpers.tiny_bundle import make_bundle

MODEL = ModelIdentity("models:/coherent-cxr@champion", "1", "0" * 64)


def make_writer() -> StudyWriter:
    return StudyWriter(make_bundle(), MODEL)


def make_app(token: str | None = None, writer: StudyWriter | None = None, **limits: object) -> FastAPI:
    return create_app(writer or make_writer(), ServiceSettings(**limits), token)
