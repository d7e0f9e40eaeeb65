"""What a training step costs beyond its encoder, and whether reading images keeps up.

Run: python benchmarks/training_step.py [--size 256] [--batch 16]

A step of the whole model, end to end, is compared with a step of the encoder alone (the pretraining
classifier) on the same images in the same process.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from base_settings import PAPER, base_settings
from decoder import batch_of, like_openi, seconds
from ratios import note
from torch.nn import functional

from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier
from coherent_cxr.models.image_encoder.precision import Precision, encoder_autocast
from coherent_cxr.models.likelihood import likelihood_loss


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--vocabulary", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"{device}, {torch.get_num_threads()} threads, batch of {chosen.batch}, {chosen.size} pixels\n")
    with tempfile.TemporaryDirectory() as folder:
        pixels = _stored_images(Path(folder), 4 * chosen.batch, chosen.size)
        _measure(chosen, pixels, device)


def _stored_images(folder: Path, count: int, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    images = np.random.default_rng(0).integers(0, 256, (count, size, size), dtype=np.uint8)
    np.save(folder / "pixels.npy", images)
    stored: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = np.load(folder / "pixels.npy", mmap_mode="r")
    return stored


def _measure(
    chosen: argparse.Namespace,
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    device: torch.device,
) -> None:
    config = base_settings(GeneratorConfig, **PAPER)
    torch.manual_seed(0)
    model = ReportGenerator(config, chosen.vocabulary).train().to(device)
    classifier = LabelClassifier(14, Backbone()).train().to(device)
    reports = batch_of(like_openi(chosen.batch, chosen.vocabulary), config)
    reports = type(reports)(*(tensor.to(device) for tensor in reports))
    targets = torch.randint(0, 2, (chosen.batch, 14), device=device).float()
    optimizers = {id(m): torch.optim.Adam(m.parameters()) for m in (model, classifier)}
    rng = np.random.default_rng(1)

    def read() -> torch.Tensor:
        rows = rng.permutation(len(pixels))[: chosen.batch]
        images = torch.from_numpy(np.ascontiguousarray(pixels[rows])).to(device)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return images

    def encoder_step(precision: Precision) -> None:
        with encoder_autocast(precision, device):
            features = classifier.backbone(read())
        loss = functional.binary_cross_entropy_with_logits(
            classifier.head(features.float().mean(dim=1)), targets
        )
        _update(loss, optimizers[id(classifier)])

    def whole_step(precision: Precision) -> None:
        with encoder_autocast(precision, device):
            features = model.encoder.backbone(read())
        parts = likelihood_loss(model(model.encoder(features), reports))
        _update(parts.words + parts.stop, optimizers[id(model)])

    print(f"{'reading the images of a batch':<44}{seconds(read, 10):>9.4f} s")
    precisions: tuple[Precision, ...] = ("fp32", "bf16")
    for precision in precisions:
        alone = seconds(lambda: encoder_step(precision), chosen.repeats)  # noqa: B023 - called at once
        whole = seconds(lambda: whole_step(precision), chosen.repeats)  # noqa: B023 - called at once
        for name, took in (("of the encoder alone", alone), ("of the whole model", whole)):
            speed = f"{chosen.batch / took:>9.1f} images/s"
            print(f"{f'step {name}, {precision}':<44}{took:>9.4f} s{speed}{took / alone:>7.2f}")
        note(f"whole step, {precision}, of the time", whole / alone, "the encoder alone", at_most=1.3)


def _update(loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch's
    loss.item()
    optimizer.step()


if __name__ == "__main__":
    main()
