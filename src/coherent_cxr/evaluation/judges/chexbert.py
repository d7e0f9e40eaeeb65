"""CheXbert (Smit et al. 2020): BERT that labels the same 14 observations as CheXpert's rules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.chexpert.codes import columns_of
from coherent_cxr.chexpert.observations import FOURTEEN, OBSERVATIONS, Live
from coherent_cxr.evaluation.judges.interface import EXTRA, Judge, lacks_package, lacks_place
from coherent_cxr.evaluation.metrics.label_sets import LABEL_SETS
from coherent_cxr.evaluation.metrics.measures import Array, Metric, SumMeasure, ratio

if TYPE_CHECKING:
    from coherent_cxr.evaluation.judges.chexbert_model import CheXbertReader


class CheXbert(Judge):
    """F1 of CheXbert's labels of a report against its labels of the reference, uncertain as negative."""

    name = "CheXbert"
    metrics = Live(
        lambda: [
            Metric("CheXbert F1", labels, average) for labels in LABEL_SETS for average in ("micro", "macro")
        ]
    )

    def missing(self) -> str | None:
        """Return what it lacks."""
        if tuple(OBSERVATIONS) != FOURTEEN:
            return f"{self.name} was not run: it knows CheXpert's labels only, and this run has others."
        checkpoint = "the checkpoint chexbert.pth of its authors (github.com/stanfordmlgroup/CheXbert)"
        return (
            lacks_place(self.config.chexbert, "chexbert", self.name, checkpoint)
            or lacks_place(
                self.config.bert_vocabulary, "bert_vocabulary", self.name, "bert-base-uncased's vocab.txt"
            )
            or lacks_package("transformers", self.name, EXTRA)
        )

    def measure(self, candidates: Sequence[str], references: Sequence[str]) -> SumMeasure:
        """Label both sides and count."""
        predicted, expected = self.codes(candidates) == 1, self.codes(references) == 1
        cells = np.stack([predicted & expected, predicted & ~expected, ~predicted & expected], axis=1).astype(
            np.float64
        )

        def finish(sums: Array) -> Array:
            table = sums.reshape(len(sums), 3, len(FOURTEEN))
            parts = []
            for labels in LABEL_SETS.values():
                chosen = table[:, :, columns_of(labels)]
                parts += [_f1(chosen.sum(axis=2)), _f1(chosen).mean(axis=1)]
            return np.stack(parts, axis=1)

        return SumMeasure(self.metrics, cells.reshape(len(cells), -1), finish)

    def codes(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """Label reports: codes ``(reports, 14)`` in the order of CheXpert's observations."""
        return self._reader.codes(texts)

    @cached_property
    def _reader(self) -> CheXbertReader:
        from coherent_cxr.evaluation.judges.chexbert_model import CheXbertReader

        assert self.config.chexbert is not None
        assert self.config.bert_vocabulary is not None
        return CheXbertReader(Path(self.config.chexbert), Path(self.config.bert_vocabulary))


def _f1(counts: Array) -> Array:
    tp, fp, fn = (counts[:, i] for i in range(3))
    return ratio(2 * tp, 2 * tp + fp + fn)
