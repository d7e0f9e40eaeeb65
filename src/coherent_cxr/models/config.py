"""Architecture settings of the report generator."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from coherent_cxr.configuration import Settings, ShareBelowOne, require
from coherent_cxr.models.encoders import encoder_names

StudyInput = Literal["per_image", "per_study", "with_prior"]

# Bounds far beyond any use, so that no wrong file or setting asks for more memory or time than there is.
Width = Annotated[int, Field(ge=1, le=4096)]


class GeneratorConfig(Settings):
    """Architecture of the CNN-RNN-RNN generator (Liu et al. 2019, section 3; sizes as recalled).

    Attributes:
        encoder: Name of the image encoder, a module of :mod:`coherent_cxr.models.encoders`.
        size: d, the width of image regions, topics, word embeddings and both LSTM states.
        attention_size: Width of the hidden layer that scores a region against a decoder state.
        dropout: Probability of dropping an activation of regions, word inputs and word outputs.
        max_sentences: Longest report that is generated, in sentences.
        max_words: Longest sentence that is generated, in words.
        study_input: ``per_image`` generates from one image, as the paper does; ``per_study`` from a
            study's frontal and lateral image together; ``with_prior`` from a study's first image and that of
            the patient's study before, where there is one.
        sentence_feedback: Whether the sentence decoder reads the sentence just generated, which keeps it from
            generating it again; false is the paper's decoder, whose topics follow from the image alone.
        label_input: Whether the label classifier's probabilities are added to the image regions.
        prior_report: Whether ``with_prior`` also reads the findings text of the study before.
    """

    encoder: str = "densenet121"
    size: Width
    attention_size: Width
    dropout: ShareBelowOne
    max_sentences: Annotated[int, Field(ge=1, le=100)]
    max_words: Annotated[int, Field(ge=1, le=200)]
    study_input: StudyInput
    sentence_feedback: bool
    label_input: bool
    prior_report: bool

    def check(self) -> None:
        """Refuse an encoder that does not exist, and a prior's report without a prior."""
        names = encoder_names()
        require(self.encoder in names, "generator.encoder", self.encoder, f"one of {', '.join(names)}")
        reads_prior = self.study_input == "with_prior"
        expectation = "false, unless generator.study_input is with_prior"
        require(
            reads_prior or not self.prior_report, "generator.prior_report", self.prior_report, expectation
        )
