"""Architecture settings of the report generator."""

from __future__ import annotations

from typing import Literal

from coherent_cxr.configuration import configuration, require
from coherent_cxr.models.encoders import encoder_names

StudyInput = Literal["per_image", "per_study"]

LARGEST = {"size": 4096, "attention_size": 4096, "max_sentences": 100, "max_words": 200}
"""Upper bounds, far above any use, against files and settings that would exhaust memory or time."""


@configuration
class GeneratorConfig:
    """Architecture of the CNN-RNN-RNN generator (Liu et al. 2019, section 3; sizes as recalled).

    Attributes:
        encoder: Name of the image encoder, a module of :mod:`coherent_cxr.models.encoders`.
        size: d, the width of image regions, topics, word embeddings and both LSTM states.
        attention_size: Width of the hidden layer that scores a region against a decoder state.
        dropout: Probability of dropping an activation of regions, word inputs and word outputs.
        max_sentences: Longest report that is generated, in sentences.
        max_words: Longest sentence that is generated, in words.
        study_input: ``per_image`` generates from one image, as the paper does; ``per_study`` from a
            study's frontal and lateral image together.
        sentence_feedback: Whether the sentence decoder reads the sentence just generated, which keeps it from
            generating it again; false is the paper's decoder, whose topics follow from the image alone.
        label_input: Whether the label classifier's probabilities are added to the image regions.
    """

    encoder: str = "densenet121"
    size: int = 256
    attention_size: int = 64
    dropout: float = 0.5
    max_sentences: int = 8
    max_words: int = 30
    study_input: StudyInput = "per_image"
    sentence_feedback: bool = False
    label_input: bool = False

    def check(self) -> None:
        """Refuse impossible sizes."""
        for key, limit in LARGEST.items():
            value = getattr(self, key)
            require(
                1 <= value <= limit, f"generator.{key}", value, f"a positive whole number, at most {limit}"
            )
        require(
            self.encoder in encoder_names(),
            "generator.encoder",
            self.encoder,
            f"one of {', '.join(encoder_names())}",
        )
        require(0 <= self.dropout < 1, "generator.dropout", self.dropout, "at least 0 and below 1")
