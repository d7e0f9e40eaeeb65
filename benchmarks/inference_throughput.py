"""How close reports of a folder of studies come to the bare image encoder.

Run: python benchmarks/inference_throughput.py MODEL FOLDER [--studies 256] [--batch 256] [--repeats 5]
    [--encoder densenet121 --size 224]
MODEL is a model bundle's folder, FOLDER holds images. The first rival encodes the same images, prepared
already, 16 together as ours, with every encoder that the model brings (label classifiers, shifted copies).
The second one is the sum of what no pipeline can leave out: that, reading the files, and decoding the words
from the features, greedily, without attention maps and without checks of sentences. Ours reads the files,
writes the reports with attention, checked sentences, labels and notes. They take turns; compared is the
median of processor time, which other programs on the machine change less than time on the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from ratios import note

from coherent_cxr.inference.decoding import decode
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.serving.batch.listing import list_studies
from coherent_cxr.serving.image import prepared
from coherent_cxr.serving.study.generation import ENCODED
from coherent_cxr.serving.study.opening import open_model
from coherent_cxr.serving.study.study import Study
from coherent_cxr.serving.study.writer import StudyWriter
from coherent_cxr.serving.study_report import StudyReport


def seconds(work: Callable[[], None]) -> float:
    """Return the processor time of all threads."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def with_encoder(bundle: ModelBundle, name: str, size: int) -> ModelBundle:
    """Return the model behind another encoder of random weights, at another size of images."""
    config = bundle.config.model_copy(update={"encoder": name})
    torch.manual_seed(0)
    fresh = ReportGenerator.of_vocabulary(config, bundle.vocabulary).state_dict()
    kept = {key: value for key, value in bundle.weights.items() if not key.startswith("encoder.")}
    weights = {**fresh, **kept}
    bare = replace(bundle, decider=None, training_features=None, training_studies=None)
    return replace(bare, config=config, image_size=size, weights=weights)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", type=int, default=256)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--encoder", help="another one, of random weights, in front of the same decoders")
    parser.add_argument("--size", type=int, default=224, help="of the images that --encoder reads")
    given = parser.parse_args()

    opened = open_model(given.model, lambda: "")
    bundle = (
        opened.bundle if given.encoder is None else with_encoder(opened.bundle, given.encoder, given.size)
    )
    writer = StudyWriter(bundle, opened.identity, batch_size=given.batch)
    studies = list_studies([given.folder]).studies[: given.studies]
    first = [study.images[0].source for study in studies]
    pixels = np.stack([prepared(str(source), writer.size).pixels for source in first])
    generator = writer._writer.generator
    backbone, decider = generator.model.encoder.backbone, bundle.decider

    known: dict[int, torch.Tensor] = {}

    @torch.no_grad()
    def encode() -> None:
        for start in range(0, len(pixels), ENCODED):
            images = torch.from_numpy(pixels[start : start + ENCODED])
            features = backbone(images)
            known[start] = features
            if decider is not None:
                decider.logits(backbone, images, features)

    @torch.no_grad()
    def decode_words() -> None:
        features = torch.cat(list(known.values()))
        for start in range(0, len(features), given.batch):
            decode(generator.model, generator.model.encoder(features[start : start + given.batch]))

    def read() -> None:
        for source in first:
            prepared(str(source), writer.size)

    sentences: list[int] = []

    def write() -> None:
        alone = [Study(study.images[:1], study.study_id) for study in studies]
        for outcome in writer.write_many(alone):
            assert isinstance(outcome, StudyReport)
            sentences.append(len(outcome.report.sentences))

    encode()
    write()
    parts = encode, read, decode_words, write
    turns = [[seconds(part) for part in parts] for _ in range(given.repeats)]
    bare, reading, words, ours = (float(np.median(turn)) for turn in zip(*turns, strict=True))
    count = len(pixels)
    print(f"{count} studies of one image of {writer.size} pixels, {backbone.name}, batches of {given.batch}")
    print(f"bare encoder  {1e3 * bare / count:7.1f} ms an image")
    print(f"reading files {1e3 * reading / count:7.1f} ms")
    print(f"bare decoder  {1e3 * words / count:7.1f} ms")
    print(f"reports       {1e3 * ours / count:7.1f} ms, all included")
    print(f"sentences     {np.mean(sentences):7.1f} a report")
    all_bare = bare + reading + words
    possible = f"goal 90 %; {bare / all_bare:.0%} is possible"
    print(f"share of the bare encoder's throughput: {bare / ours:.0%} ({possible})")
    print(f"share of the throughput of reading, bare encoder and bare decoder: {all_bare / ours:.0%}")
    note("reports of a folder, of the throughput", bare / ours, "bare encoder", at_least=0.9)
    note("reports of a folder, of the throughput", all_bare / ours, "reading and bare model", at_least=0.9)


if __name__ == "__main__":
    main()
