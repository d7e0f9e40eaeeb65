"""What the report generator looks like."""

from __future__ import annotations

from coherent_cxr.configuration import configuration, require


@configuration
class GeneratorConfig:
    """Architecture of the CNN-RNN-RNN generator (Liu et al. 2019, section 3; sizes as recalled).

    Attributes:
        size: d, the width of image regions, topics, word embeddings and both LSTM states.
        attention_size: Width of the hidden layer that scores a region against a decoder state.
        dropout: Probability of dropping an activation of regions, word inputs and word outputs.
        max_sentences: Longest report that is written, in sentences.
        max_words: Longest sentence that is written, in words.
    """

    size: int = 256
    attention_size: int = 64
    dropout: float = 0.5
    max_sentences: int = 8
    max_words: int = 30

    def check(self) -> None:
        """Refuse impossible sizes."""
        for key in ("size", "attention_size", "max_sentences", "max_words"):
            require(getattr(self, key) > 0, f"generator.{key}", getattr(self, key), "a positive whole number")
        require(0 <= self.dropout < 1, "generator.dropout", self.dropout, "at least 0 and below 1")
