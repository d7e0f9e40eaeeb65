"""Tampered bundles, as folders and as registered models: refused in a sentence, or the same report."""

from __future__ import annotations

import contextlib
import random
import shutil
from pathlib import Path

import numpy as np
from child import Attempt

from coherent_cxr.images.phantom import draw_phantom
from coherent_cxr.models.bundle import CONFIG, VOCABULARY, WEIGHTS, ModelBundle
from coherent_cxr.models.manifest import BundleError, manifest_digest, require_digest, write_manifest
from coherent_cxr.serving.generator import ReportWriter
from helpers.tiny_bundle import make_bundle
from models.test_tampered_bundles import FILES, KINDS


def prepare(folder: Path) -> Attempt:
    """Return what makes one try in a folder."""
    place, copy = folder / "bundle", folder / "copy"
    make_bundle().save(place)
    shutil.copytree(place, copy)
    digest = manifest_digest(place)
    image = draw_phantom("tampered", {"Cardiomegaly": 1}, [], size=64)
    expected = ReportWriter(ModelBundle.load(place)).write(image).text

    def attempt(rng: np.random.Generator, number: int) -> str:
        chance = random.Random(int(rng.integers(0, 2**62)))
        changed = {KINDS[(number + extra) % len(KINDS)] for extra in range(int(rng.integers(1, 3)))}
        sealed = rng.random() < 0.3
        try:
            for tamper in changed:
                with contextlib.suppress(FileNotFoundError, ValueError, KeyError):  # an earlier one was there
                    tamper(place, chance)
            if sealed and all((place / name).exists() for name in (WEIGHTS, CONFIG, VOCABULARY)):
                write_manifest(place, (WEIGHTS, CONFIG, VOCABULARY))
            require_digest(place, digest)  # as a registered model is opened
            told = ReportWriter(ModelBundle.load(place)).write(image).text
        except BundleError as error:
            return "" if str(error).endswith(".") and len(str(error)) < 1000 else f"no sentence: {error}"
        finally:
            restore(place, copy)
        return "" if told == expected else f"another report: {told}"

    return attempt


def restore(place: Path, copy: Path) -> None:
    """Bring back what was changed; the weights, which are large, only if they were."""
    for name in FILES:
        here, there = place / name, copy / name
        if not here.exists() or here.stat().st_mtime_ns != there.stat().st_mtime_ns:
            shutil.copy2(there, here)
