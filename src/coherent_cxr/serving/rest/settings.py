"""What the service allows: sizes, counts and times, each with a bound on what it can be set to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coherent_cxr.configuration import AtOnce, Settings
from coherent_cxr.inputs.limits import MAX_FILE_BYTES

Bytes = Annotated[int, Field(gt=0, le=1 << 40)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class ServiceSettings(Settings):
    """Limits of the service. Their defaults stand here alone; the command `serve` shows them.

    Attributes:
        max_file_bytes: Most bytes of one image file.
        max_request_bytes: Most bytes of one request.
        max_held_bytes: Most bytes of all requests that are being read or waited for.
        max_images: Most images of a study.
        queue: Most requests that are read, wait or are answered at a time; further ones are told to come
            again (status 429).
        batch: Most studies whose images go through the encoder together.
        decoders: Processes that decode images.
        read_seconds: Longest time that a request may take to arrive.
        decode_seconds: Longest time that decoding one image may take.
        answer_seconds: Longest time from a whole request to its answer.
    """

    max_file_bytes: Annotated[int, Field(gt=0, le=MAX_FILE_BYTES)] = 100_000_000
    max_request_bytes: Bytes = 250_000_000
    max_held_bytes: Bytes = 1_000_000_000
    max_images: AtOnce = 16
    queue: AtOnce = 64
    batch: AtOnce = 8
    decoders: AtOnce = 2
    read_seconds: Seconds = 60.0
    decode_seconds: Seconds = 30.0
    answer_seconds: Seconds = 120.0
