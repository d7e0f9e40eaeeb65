"""The exported programs (torch.export) beside the generator itself: the same reports, and at what cost.

Run: python benchmarks/exported.py MODEL FOLDER [--images 200] [--batch 16] [--repeats 5]
MODEL is a model bundle's folder, FOLDER holds images. The rival is the generator itself, greedy and without
checks of its sentences, as the programs are. They take turns; compared is the median of processor time.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from inference_throughput import seconds
from ratios import note

from coherent_cxr.inference.attention import image_features
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.exported import ExportedModel
from coherent_cxr.models.exporting import export_model
from coherent_cxr.serving.batch.listing import list_studies
from coherent_cxr.serving.image import prepared


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()

    bundle = ModelBundle.load(given.model)
    found = list_studies([given.folder]).studies[: given.images]
    pixels = np.stack([prepared(str(one.images[0].source), bundle.image_size).pixels for one in found])
    parts = [torch.from_numpy(pixels[at : at + given.batch]) for at in range(0, len(pixels), given.batch)]
    model = bundle.build()
    with tempfile.TemporaryDirectory() as folder:
        export_model(bundle, Path(folder), "A benchmark.")
        programs = ExportedModel(Path(folder))
    reports: dict[str, list[list[list[int]]]] = {}

    def own() -> None:
        decoded = (decode(model, model.encoder(image_features(model, part.numpy()))) for part in parts)
        reports["own"] = [report for made in decoded for report in word_ids(made.reports)]

    def exported() -> None:
        reports["exported"] = [report for part in parts for report in programs.generate(part)]

    own()
    exported()
    turns = [(seconds(own), seconds(exported)) for _ in range(given.repeats)]
    ours, theirs = (float(np.median(turn)) for turn in zip(*turns, strict=True))
    equal = sum(one == other for one, other in zip(reports["own"], reports["exported"], strict=True))
    different = len({str(report) for report in reports["own"]})
    print(
        f"{len(pixels)} images of {bundle.image_size} pixels, {bundle.config.encoder}, {given.batch} together"
    )
    print(f"equal reports  {equal} of {len(pixels)}; {different} different ones")
    print(f"generator      {1e3 * ours / len(pixels):7.1f} ms an image")
    print(f"exported       {1e3 * theirs / len(pixels):7.1f} ms")
    print(f"speed of the exported programs against the generator: {ours / theirs:.2f}")
    note("exported programs", ours / theirs, "the generator")


if __name__ == "__main__":
    main()
