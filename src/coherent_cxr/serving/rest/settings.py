"""What the service allows: sizes, counts and times, each with a bound on what it can be set to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coherent_cxr.configuration import AtOnce, Settings
from coherent_cxr.inputs.limits import MAX_FILE_BYTES

Bytes = Annotated[int, Field(gt=0, le=1 << 40)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class ServiceSettings(Settings):
    """Limits of the service. Their defaults and meanings stand here alone; `serve --help` shows them."""

    queue: AtOnce = Field(
        default=64, description="Most requests that wait or are answered; more get status 429."
    )
    batch: AtOnce = Field(default=8, description="Most studies that are written together.")
    decoders: AtOnce = Field(default=2, description="Processes that decode images.")
    max_images: AtOnce = Field(default=16, description="Most images of a study.")
    max_file_bytes: Annotated[int, Field(gt=0, le=MAX_FILE_BYTES)] = Field(
        default=100_000_000, description="Most bytes of an image file."
    )
    max_request_bytes: Bytes = Field(default=250_000_000, description="Most bytes of a request.")
    max_held_bytes: Bytes = Field(default=1_000_000_000, description="Most bytes of all requests together.")
    read_seconds: Seconds = Field(default=60.0, description="Longest time that a request may take to arrive.")
    decode_seconds: Seconds = Field(default=30.0, description="Longest time for decoding an image.")
    answer_seconds: Seconds = Field(
        default=120.0, description="Longest time from a whole request to its answer."
    )
