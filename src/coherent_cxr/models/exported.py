"""Writes reports with a model that ``coherent-cxr export`` has written; needs PyTorch and nothing of ours.

For research only, not for clinical use. This file lies beside the programs as ``generate.py``:

    python generate.py IMAGES.npy     # grey levels, uint8 (images, size, size), prepared as in training

It prints a line of JSON for each image: the generator's own words, the likeliest at every place. Label
classifier, checks of images and sentences, and studies of several images are in the package alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import Tensor

PROGRAMS = ("encoder", "sentence", "word", "embedding")
SETTINGS = "settings.json"
BATCH = 16


class ExportedModel:
    """The programs of one model.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        programs = (torch.export.load(folder / f"{name}.pt2").module() for name in PROGRAMS)
        self.encoder, self.sentence, self.word, self.embedding = programs

    @torch.no_grad()
    def generate(self, images: Tensor) -> list[list[list[int]]]:
        """Write a report for each image.

        Args:
            images: Prepared grey levels, uint8 ``(images, size, size)``.

        Returns:
            Word ids of each sentence of each report, without ends; a finding token may stand in front.
        """
        told = self.settings
        regions, keys, mean = self.encoder(images)
        reports: list[list[list[int]]] = [[] for _ in images]
        before, hidden, cell = (torch.zeros_like(mean) for _ in range(3))
        running = torch.ones(len(images), dtype=torch.bool)
        for _ in range(told["max_sentences"]):
            gates, stop, hidden, cell = self.sentence(mean, before, hidden, cell)
            words = self._words(gates, regions, keys)
            for report, sentence, goes_on in zip(reports, words.tolist(), running.tolist(), strict=True):
                if goes_on:
                    report.append([word for word in sentence if word not in (told["pad"], told["end"])])
            running = running & (stop <= 0)
            if not running.any():
                break
            before = self.embedding(words)
        return reports

    def text(self, report: list[list[int]]) -> str:
        """Return the words of a report."""
        tokens, silent = self.settings["tokens"], self.settings["finding_tokens"]
        sentences = ([tokens[word] for word in sentence if word not in silent] for sentence in report)
        return " ".join(f"{' '.join(words)}." for words in sentences)

    def _words(self, gates: Tensor, regions: Tensor, keys: Tensor) -> Tensor:
        """Write one sentence each ``(images, words)``."""
        told, count = self.settings, len(regions)
        written = torch.full((count, told["max_words"]), told["pad"])
        word = torch.full((count,), told["start"])
        ended = torch.zeros(count, dtype=torch.bool)
        hidden, cell = (regions.new_zeros(count, regions.shape[2]) for _ in range(2))
        for place in range(told["max_words"]):
            logits, _, hidden, cell = self.word(word, gates, regions, keys, hidden, cell)
            word = logits.argmax(dim=-1).masked_fill(ended, told["pad"])
            written[:, place] = word
            ended = ended | (word == told["end"])
            if ended.all():
                break
        return written


def main(images: str) -> None:
    """Print the report of each image of a file."""
    import numpy as np

    model = ExportedModel(Path(__file__).resolve().parent)
    pixels = torch.from_numpy(np.load(images, allow_pickle=False))
    for start in range(0, len(pixels), BATCH):
        for report in model.generate(pixels[start : start + BATCH]):
            print(json.dumps({"report": model.text(report), "notice": model.settings["notice"]}))


if __name__ == "__main__":
    main(sys.argv[1])
