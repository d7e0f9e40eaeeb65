"""One report writer behind the command line, the MLflow model and whatever else serves a bundle."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from coherent_cxr.chexpert.shown import shown_labeler
from coherent_cxr.images.decode import fit, read_square
from coherent_cxr.models.attention import WordAttention, spoken, write_with_attention
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.reports.text import detokenize

NOTICE = "For research only, not for clinical use. A radiologist has not read this report."

ImageSource = str | Path | bytes | Image.Image | NDArray[Any]
"""A PNG or JPEG file or its bytes, a Pillow image, or grey levels (height, width)."""


@dataclass(frozen=True)
class Report:
    """A written report.

    Attributes:
        text: Readable findings.
        sentences: The same, sentence by sentence.
        labels: CheXpert labels of the text: 1 positive, 0 negative, -1 uncertain, None absent.
        label_rules: Rule set of these labels.
        attention: Words of each sentence, finding marks included, with the share of attention on each region
            of the image and on the visual sentinel.
        image: The prepared grey image ``(size, size)`` the model read, under the attention maps.
        system: Name of the training that wrote it, for example ``full``.
    """

    text: str
    sentences: list[str]
    labels: dict[str, int | None]
    label_rules: str
    attention: list[list[WordAttention]]
    image: NDArray[np.uint8]
    system: str


class ReportWriter:
    """Writes reports with one model; images are prepared exactly as for its training.

    Args:
        bundle: The model.
        remove_repeats: Drop a sentence that stands earlier in the same report, as evaluation does.
    """

    def __init__(self, bundle: ModelBundle, remove_repeats: bool = True) -> None:
        self.bundle = bundle
        self.remove_repeats = remove_repeats
        self.labeler = shown_labeler()

    @cached_property
    def _model(self) -> Any:
        return self.bundle.build()

    def write(self, source: ImageSource) -> Report:
        """Write the report of one radiograph.

        Args:
            source: The image; of a study with several, the frontal one.

        Returns:
            The report with its labels and attention.

        Raises:
            UnreadableImageError: If the image cannot be decoded; the message says why.
        """
        image = prepared(source, self.bundle.image_size)
        attention = write_with_attention(self._model, self.bundle.vocabulary, image)
        if self.remove_repeats:
            attention = _without_repeats(attention)
        sentences = spoken(attention)
        text = detokenize(sentences)
        return Report(
            text=text,
            sentences=[detokenize([sentence]) for sentence in sentences],
            labels=self.labeler.label(text),
            label_rules=self.labeler.name,
            attention=attention,
            image=image,
            system=str(self.bundle.metadata.get("system", "unknown")),
        )


def prepared(source: ImageSource, size: int) -> NDArray[np.uint8]:
    """Decode any accepted image by the one decoder that also prepares training images.

    Pillow images and arrays that are not plain 8-bit grey pass through a PNG in memory, so that colours,
    transparency and 16-bit levels are treated as in a file.

    Args:
        source: The image.
        size: Side of the square the model reads.

    Returns:
        Grey levels (size, size).
    """
    if isinstance(source, np.ndarray):
        if source.dtype == np.uint8 and source.ndim == 2:
            return fit(source, size)
        source = Image.fromarray(source)
    if isinstance(source, Image.Image):
        if source.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16"):
            source = source.convert("RGB")
        file = io.BytesIO()
        source.save(file, format="PNG", compress_level=1)
        source = file.getvalue()
    return read_square(source, size).pixels


def _without_repeats(sentences: list[list[WordAttention]]) -> list[list[WordAttention]]:
    words = spoken(sentences)
    return [sentence for i, sentence in enumerate(sentences) if words[i] not in words[:i]]
