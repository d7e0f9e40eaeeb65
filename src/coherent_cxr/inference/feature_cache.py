"""Features of a frozen encoder, computed once for all stored images and shared by all later runs."""

from __future__ import annotations

import json
import logging
import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.samples import images_to_tensor
from coherent_cxr.models.bundle import weights_digest
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.models.image_encoder.precision import Precision, computes_in, encoder_autocast
from coherent_cxr.runtime.distributed import current_world
from coherent_cxr.runtime.fingerprint import code_digest, encoder_code, fingerprint
from coherent_cxr.runtime.pace import Pace
from coherent_cxr.runtime.progress_line import ProgressLine
from coherent_cxr.storage.exclusive import sole_holder
from coherent_cxr.storage.reservation import reserved_array

logger = logging.getLogger(__name__)

SECONDS_LOST = 20.0
"""How much work a kill may cost."""

Features = np.memmap[Any, np.dtype[np.float16]]


def cached_features(
    backbone: Backbone,
    store: ImageStore,
    folder: Path,
    precision: Precision,
    device: torch.device,
    batch_size: int = 64,
) -> NDArray[np.float16]:
    """Compute the features of every stored image once, into a memory-mapped file that later runs share.

    One process computes: the other ranks of a run wait, so do other runs that want the same features. A
    killed computation is continued.

    Args:
        backbone: The frozen encoder; its weights and code and the store's digest name the file.
        store: Prepared images.
        folder: Where feature files are kept.
        precision: Number format of the encoder.
        device: Where to compute.
        batch_size: Images per forward pass.

    Returns:
        Features ``(images, K, channels)`` as float16, read only.

    Raises:
        OSError: If the disk is too small.
        ValueError: If a feature is not a finite number.
    """
    world = current_world()
    shape = (len(store.pixels), backbone.cells(store.size), backbone.channels)
    key = fingerprint(
        weights_digest(backbone.state_dict()),
        store.digest,
        computes_in(precision, device),
        code_digest("coherent_cxr.models.image_encoder.precision"),
        encoder_code(backbone.name),
    )
    path = folder / f"features-{key}.npy"
    if world.leads and not _has_shape(path, shape):
        with sole_holder(path.with_suffix(".lock"), "image features") as alone:
            if not _has_shape(path, shape):
                writing = path.with_suffix(".writing.npy")
                if not alone or (writing.exists() and not os.access(writing, os.W_OK)):
                    writing = path.with_suffix(f".{uuid.uuid4().hex}.npy")  # another one's file is left alone
                _compute(backbone, store, writing, shape, precision, device, batch_size)
                writing.replace(path)
    world.from_leader(None)  # the other ranks wait here, and look for the file only now
    features: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return features


@torch.no_grad()
def _compute(
    backbone: Backbone,
    store: ImageStore,
    writing: Path,
    shape: tuple[int, int, int],
    precision: Precision,
    device: torch.device,
    batch_size: int,
) -> None:
    """Fill a file, from where an interrupted run left it."""
    done_file = writing.with_suffix(".done")
    done = _done(done_file) if _has_shape(writing, shape) else 0
    if done:
        features: Features = np.load(writing, mmap_mode="r+")
    else:
        done_file.unlink(missing_ok=True)
        what = f"The features of {shape[0]} images"
        features = reserved_array(writing, np.float16, shape, what, "checkpoint_folder")
    backbone.eval()
    pace = Pace(SECONDS_LOST)
    with ProgressLine(shape[0], "image features", "images", done=done) as line:
        for start in range(done, shape[0], batch_size):
            rows = np.arange(start, min(start + batch_size, shape[0]))
            with encoder_autocast(precision, device):
                batch = backbone(images_to_tensor(store, rows, device))
            features[rows] = batch.float().cpu().numpy().astype(np.float16)
            _refuse_infinity(features[rows], rows, store)
            line.update(len(rows))
            if pace.due():
                with pace.writing():
                    features.flush()
                    _note_done(done_file, int(rows[-1]) + 1)
    features.flush()
    done_file.unlink(missing_ok=True)


def _refuse_infinity(features: NDArray[np.float16], rows: NDArray[np.int64], store: ImageStore) -> None:
    finite = np.isfinite(features).all(axis=(1, 2))
    if not finite.all():
        image = str(store.index.set_index("row").loc[int(rows[np.argmin(finite)]), "image_id"])
        raise ValueError(
            f"The encoder gives the image '{image}' features that are no finite numbers in half precision. "
            "Its weights are damaged, or made for images that are scaled differently; name other encoder "
            "weights."
        )


def _has_shape(path: Path, shape: tuple[int, int, int]) -> bool:
    """Return whether a file is a whole array of a shape; one that was cut off is not."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return bool(array.shape == shape and array.dtype == np.float16)


def _done(path: Path) -> int:
    """Return how many images an interrupted run has finished."""
    try:
        return int(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return 0


def _note_done(path: Path, images: int) -> None:
    beside = path.with_suffix(".done-writing")
    beside.write_text(json.dumps(images))
    beside.replace(path)
