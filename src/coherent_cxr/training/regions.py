"""Image regions for training: through a trainable encoder, or from cached features of a frozen one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from coherent_cxr.images.store import ImageStore
from coherent_cxr.models.bundle import weights_digest
from coherent_cxr.models.encoder import Backbone
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.precision import Precision, encoder_autocast
from coherent_cxr.training.checkpoint import fingerprint
from coherent_cxr.training.samples import images_to_tensor, is_lateral

EncoderMode = Literal["frozen", "trainable"]
RegionSource = Callable[[NDArray[np.int64]], Tensor]
"""Gives regions ``(batch, K, size)`` for rows of the image store, ``(batch,)`` or ``(batch, VIEWS)``."""


@torch.no_grad()
def cached_features(
    backbone: Backbone,
    store: ImageStore,
    folder: Path,
    precision: Precision,
    device: torch.device,
    batch_size: int = 64,
) -> NDArray[np.float16]:
    """Compute the features of every stored image once, into a memory-mapped file that later runs share.

    Args:
        backbone: The frozen encoder; its weights and the store's digest name the file.
        store: Prepared images.
        folder: Where feature files are kept.
        precision: Number format of the encoder.
        device: Where to compute.
        batch_size: Images per forward pass.

    Returns:
        Features ``(images, K, channels)`` as float16, read only.
    """
    key = fingerprint(weights_digest(backbone.state_dict()), store.digest, precision)
    path = folder / f"features-{key}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        writing = path.with_suffix(f".writing-{os.getpid()}.npy")
        backbone.eval()
        cells = backbone.cells(store.size)
        count = len(store.pixels)
        features = np.lib.format.open_memmap(
            writing, mode="w+", dtype=np.float16, shape=(count, cells, backbone.channels)
        )
        for start in tqdm(range(0, count, batch_size), desc="image features", unit="batch"):
            rows = np.arange(start, min(start + batch_size, count))
            with encoder_autocast(precision, device):
                batch = backbone(images_to_tensor(store, rows, device))
            features[rows] = batch.float().cpu().numpy().astype(np.float16)
        features.flush()
        writing.replace(path)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes that no longer run have left half written."""
    for half in folder.glob("features-*.writing-*.npy"):
        process = int(half.suffixes[-2].removeprefix(".writing-"))
        try:
            os.kill(process, 0)
        except OSError:
            half.unlink(missing_ok=True)


def region_source(
    model: ReportGenerator,
    store: ImageStore,
    mode: EncoderMode,
    folder: Path,
    precision: Precision,
    device: torch.device,
) -> RegionSource:
    """Return the function that turns rows of the image store into regions, with gradient where it belongs."""
    if mode == "frozen":
        cached = cached_features(model.encoder.backbone, store, folder, precision, device)

        def features_of(rows: NDArray[np.int64]) -> Tensor:
            return torch.from_numpy(cached[rows]).to(device)

    else:

        def features_of(rows: NDArray[np.int64]) -> Tensor:
            with encoder_autocast(precision, device):
                features: Tensor = model.encoder.backbone(images_to_tensor(store, rows, device))
            return features

    lateral = torch.from_numpy(is_lateral(store)).long().to(device)

    def regions_of(rows: NDArray[np.int64]) -> Tensor:
        # An image that stands in both views' places is computed once.
        once, places = np.unique(rows, return_inverse=True)
        views = None
        if len(once) == rows.size:
            features = features_of(rows.flatten())
        else:
            features = features_of(once).index_select(0, torch.from_numpy(places.flatten()).to(device))
        if rows.ndim == 2:
            features = features.view(*rows.shape, *features.shape[1:])
            views = lateral[torch.from_numpy(rows).to(device)]
        regions: Tensor = model.encoder(features, views)
        return regions

    return regions_of
