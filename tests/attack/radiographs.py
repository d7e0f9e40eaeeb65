"""Damaged images, archives of them, and small files that ask for gigabytes: a report, a row, or a refusal."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
from child import Attempt
from click.testing import CliRunner
from damage import hurt
from report_tables import no_sentence

from coherent_cxr.cli import main
from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest, prepare_images
from coherent_cxr.images.reading.decode import UnreadableImageError, read_square
from coherent_cxr.images.source import ImageSourceError
from coherent_cxr.images.store import ImageStoreError
from coherent_cxr.serving.generator import ReportWriter
from helpers.bombs import BOMBS
from helpers.fuzzing import damaged, real_files
from helpers.settings import filled
from helpers.tiny_bundle import make_bundle

FILES = 5
OF_THE_STORE = 20
"""One in so many tries prepares a store, one goes through the command ``generate``."""
NOT_IMAGES = {"study_without_image", "image_in_no_study"}


def prepare(folder: Path) -> Attempt:
    """Return what makes one try in a folder."""
    files = real_files()
    make_bundle().save(folder / "bundle")
    writer = ReportWriter(make_bundle())
    bombs = list(BOMBS)

    def attempt(rng: np.random.Generator, number: int) -> str:
        kind = list(files)[rng.integers(0, len(files))]
        other = list(files.values())[rng.integers(0, len(files))]
        turn = number % OF_THE_STORE
        if turn == 0 and number // OF_THE_STORE < len(bombs):
            return one(BOMBS[bombs[number // OF_THE_STORE]](), writer)
        if turn == 1:
            return store(folder / "try", files, rng)
        data = damaged(files[kind], other, rng) if rng.random() < 0.8 else hurt(files[kind], other, rng)
        if turn == 2:
            return command(folder, data)
        return one(data, writer if turn < 7 else None)

    return attempt


def one(data: bytes, writer: ReportWriter | None) -> str:
    """Read one image, or write its report."""
    try:
        if writer is None:
            return "" if read_square(data, 64, "A scan").pixels.shape == (64, 64) else "no square"
        return "" if writer.write(data, "A scan").text else "an empty report"
    except UnreadableImageError as error:
        told = str(error)
        return "" if told.endswith(".") and "Doe" not in told else f"no sentence: {told}"


def command(folder: Path, data: bytes) -> str:
    """Write a report by the command."""
    path = folder / "image.png"
    path.write_bytes(data)
    answer = CliRunner().invoke(main, ["generate", str(path), "--model", str(folder / "bundle")])
    return no_sentence(answer) or (
        "" if answer.output.isprintable() or "\x1b" not in answer.output else "escape"
    )


def store(place: Path, files: dict[str, bytes], rng: np.random.Generator) -> str:
    """Prepare a few images, damaged and not, out of a folder or an archive that may be damaged too."""
    shutil.rmtree(place, ignore_errors=True)
    (place / "images").mkdir(parents=True)
    kinds = [list(files)[n] for n in rng.integers(0, len(files), FILES)]
    good = [rng.random() < 0.5 for _ in kinds]
    contents = {
        f"CXR{n}_IM-0001-1001": files[kind] if whole else damaged(files[kind], files["PNG"], rng)
        for n, (kind, whole) in enumerate(zip(kinds, good, strict=True))
    }
    root = place / "images"
    injured = False
    if rng.random() < 0.5:
        for name, data in contents.items():
            (root / f"{name}.{'dcm' if data[128:132] == b'DICM' else 'png'}").write_bytes(data)
    else:
        root, injured = place / "images.tgz", rng.random() < 0.5
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz" if rng.random() < 0.5 else "w") as archive:
            for name, data in contents.items():
                info = tarfile.TarInfo(f"a/{name}.png")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        root.write_bytes(hurt(packed.getvalue(), b"other", rng) if injured else packed.getvalue())
    images = pd.DataFrame({"image_id": list(contents), "study_id": [n.split("_")[0] for n in contents]})
    config = filled(ImagePreparationConfig, size=64, workers=1, work_dir=str(place / "stores"))
    manifest = RadiographsManifest(str(root), drawn=False, notice="")
    try:
        prepared = prepare_images(config, images.assign(view="frontal"), images["study_id"], manifest)
    except (ImageSourceError, ImageStoreError) as error:
        refused = injured or not any(good)
        return "" if refused and str(error).endswith(".") else f"refused: {error}"
    excluded = prepared.exclusions[~prepared.exclusions["reason"].isin(NOT_IMAGES)]
    if len(prepared.store) + len(excluded) != FILES:
        return f"{FILES} images, {len(prepared.store)} stored, {len(excluded)} excluded"
    stored = set(prepared.store.index["image_id"])
    lost = [name for name, whole in zip(contents, good, strict=True) if whole and name not in stored]
    return f"a good image was excluded: {lost[0]}" if lost and not injured else ""
