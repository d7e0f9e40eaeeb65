"""The radiographs of a corpus: one phantom per study, or the location of the corpus' own images."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from PIL import Image, PngImagePlugin
from pydantic import Field, NonNegativeInt

from coherent_cxr.configuration import AtOnce, Settings
from coherent_cxr.images import phantom
from coherent_cxr.images.preparation import RadiographsManifest
from coherent_cxr.images.store import VIEW_ORDER
from coherent_cxr.runtime.cores import usable_cores
from coherent_cxr.runtime.progress_line import ProgressLine

FEW = 200
CHUNK = 32


class FabricationConfig(Settings):
    """Settings of the stage ``fabrication``.

    Attributes:
        images_root: Folder or .tar/.tgz with the corpus' own radiographs; null draws phantoms.
        images_named_by: What an image's id is: its ``file``'s name without the ending, or its ``path`` in
            ``images_root``, for corpora that give many files the same name.
        notice: Licence of the corpus' own radiographs, repeated wherever they are shown.
        phantom_folder: Where phantoms are drawn, in a folder of their own per content.
        size: Side of a phantom in pixels.
        seed: Seed of all phantoms.
        workers: Drawing processes; null uses all cores.
    """

    images_root: str | None
    images_named_by: Literal["file", "path"]
    notice: str
    phantom_folder: str
    size: Annotated[int, Field(ge=48, le=1024)]
    seed: NonNegativeInt
    workers: AtOnce | None


@dataclass(frozen=True)
class Commission:
    """One phantom to draw: an image, the labels (1, 0, -1, absent left out) and sentences of its study."""

    image_id: str
    labels: tuple[tuple[str, int], ...]
    sentences: tuple[str, ...]


def provide_radiographs(
    config: FabricationConfig, images: pd.DataFrame, findings: pd.DataFrame, labels: pd.DataFrame
) -> dict[str, Any]:
    """Draw the phantoms of all studies with findings, or point to the corpus' own images.

    Phantoms are kept by content (images, texts, labels, settings, drawing code): what a killed run has drawn
    is not drawn again.

    Args:
        config: Settings.
        images: image_id, study_id, view.
        findings: study_id, sentences.
        labels: study_id and one column per CheXpert label.

    Returns:
        The manifest: root, drawn, notice, and for phantoms their number, size and seed.

    Raises:
        ImageSourceError: If ``images_root`` is given and cannot be opened.
    """
    if config.images_root is not None:
        by_path = config.images_named_by == "path"
        notice = config.notice or "Licence not given."
        manifest = RadiographsManifest(config.images_root, False, notice, by_path)
        return {**asdict(manifest), "images": len(manifest.open())}
    commissions = commission(images, findings, labels)
    folder = Path(config.phantom_folder) / _content_key(config, commissions)[:20]
    draw_phantoms(commissions, folder, config)
    manifest = RadiographsManifest(folder.as_posix(), True, phantom.NOTICE)
    return {**asdict(manifest), "images": len(commissions), "size": config.size, "seed": config.seed}


def commission(images: pd.DataFrame, findings: pd.DataFrame, labels: pd.DataFrame) -> list[Commission]:
    """Choose one image per study with findings, its first frontal or else its first, and what it shows."""
    order = images["view"].map(VIEW_ORDER).fillna(len(VIEW_ORDER)).clip(upper=1)
    chosen = images.assign(order=order).sort_values("order", kind="stable").groupby("study_id", sort=False)
    image_of = chosen["image_id"].first().to_dict()
    sentences_of = dict(zip(findings["study_id"], findings["sentences"], strict=True))
    commissions = []
    for row in labels.to_dict("records"):
        study_id = row.pop("study_id")
        if study_id in image_of and study_id in sentences_of:
            codes = tuple((str(name), int(value)) for name, value in row.items() if not pd.isna(value))
            commissions.append(Commission(image_of[study_id], codes, tuple(sentences_of[study_id])))
    return commissions


def draw_phantoms(commissions: Sequence[Commission], folder: Path, config: FabricationConfig) -> None:
    """Draw phantoms into PNG files named by image, skipping those already there.

    Args:
        commissions: What to draw.
        folder: Where to; each file appears whole or not at all.
        config: Settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = {entry.name for entry in os.scandir(folder)}
    missing = [one for one in commissions if f"{one.image_id}.png" not in there]
    bar = ProgressLine(len(commissions), "phantoms", "images", done=len(commissions) - len(missing))
    chunks = [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]
    with bar:
        for drawn in _draw_all(chunks, folder, config):
            bar.update(drawn)


def _draw_all(chunks: list[list[Commission]], folder: Path, config: FabricationConfig) -> Iterator[int]:
    places, sizes, seeds = [folder] * len(chunks), [config.size] * len(chunks), [config.seed] * len(chunks)
    workers = config.workers or usable_cores()
    if workers == 1 or sum(map(len, chunks)) < FEW:
        yield from map(_draw_chunk, chunks, places, sizes, seeds)
        return
    # A fresh process per worker: forking one that has started threads may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_draw_chunk, chunks, places, sizes, seeds)


def _draw_chunk(commissions: list[Commission], folder: Path, size: int, seed: int) -> int:
    text = PngImagePlugin.PngInfo()
    text.add_text("Description", phantom.NOTICE)
    for one in commissions:
        pixels = phantom.draw_phantom(one.image_id, dict(one.labels), one.sentences, size=size, seed=seed)
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, format="PNG", pnginfo=text, compress_level=3)
        writing = folder / f".{one.image_id}.{os.getpid()}.writing"
        writing.write_bytes(data.getvalue())
        writing.replace(folder / f"{one.image_id}.png")
    return len(commissions)


def _content_key(config: FabricationConfig, commissions: Sequence[Commission]) -> str:
    digest = hashlib.sha256(f"{config.size}\t{config.seed}\n".encode())
    for file in sorted(Path(phantom.__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    for one in commissions:
        digest.update(repr((one.image_id, one.labels, one.sentences)).encode())
    return digest.hexdigest()
