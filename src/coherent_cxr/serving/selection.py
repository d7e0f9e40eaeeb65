"""Which model is registered, and whether it becomes the champion: rules over validation numbers.

The selection score of a model is ``macro_f1_weight * macro-F1 + cider_weight * CIDEr-D`` of its greedy
reports on the validation split: clinical truth and language, neither alone. The test split decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coherent_cxr.configuration import configuration, require


@configuration
class ModelRegistrationConfig:
    """How a trained generator is chosen and registered.

    Attributes:
        name: Registered model.
        candidate: System to register (``mle`` or a namespace of rl_fine_tuning); ``best`` takes the one with
            the highest selection score.
        macro_f1_weight: Weight of the validation macro-F1 (0 to 1) in the selection score.
        cider_weight: Weight of the validation CIDEr-D (0 to 10) in the selection score.
        on_other_data: What to do if the present champion was scored on other validation data, so that the two
            scores say nothing about each other: ``keep`` the champion or ``move`` the alias.
        licence: Licence of the weights, for the model card.
        checkpoint_folder: Where training cached the image features.
    """

    name: str = "coherent-cxr"
    candidate: str = "best"
    macro_f1_weight: float = 1.0
    cider_weight: float = 1.0
    on_other_data: Literal["keep", "move"] = "keep"
    licence: str = "the weights follow the terms of their training images"
    checkpoint_folder: str = "data/06_models/checkpoints"

    def check(self) -> None:
        """Refuse impossible values."""
        weights = (self.macro_f1_weight, self.cider_weight)
        require(
            min(weights) >= 0 and max(weights) > 0,
            "model_registration.macro_f1_weight and cider_weight",
            weights,
            "at least 0, and positive for one of the two",
        )

    @property
    def rule(self) -> str:
        """The selection score in words."""
        return (
            f"{self.macro_f1_weight:g} x macro-F1 + {self.cider_weight:g} x CIDEr-D on the validation split "
            "(greedy reports; uncertain and absent labels count as not positive)"
        )

    def score(self, numbers: Mapping[str, float]) -> float:
        """Return the selection score of validation numbers with ``macro_f1`` and ``cider``."""
        return self.macro_f1_weight * numbers["macro_f1"] + self.cider_weight * numbers["cider"]

    def choose(self, scores: Mapping[str, float]) -> str:
        """Return the system to register; of equal scores, the one named first.

        Args:
            scores: Selection score by system.

        Raises:
            ConfigurationError: If the configured candidate is not among the systems.
        """
        if self.candidate == "best":
            return max(scores, key=scores.__getitem__)
        known = self.candidate in scores
        require(known, "model_registration.candidate", self.candidate, f"one of best, {', '.join(scores)}")
        return self.candidate


@dataclass(frozen=True)
class Standing:
    """What the promotion rule knows about a registered version.

    Attributes:
        version: Version number in the registry.
        score: Selection score.
        rule: The rule behind the score, in words.
        data_digest: Digest of the validation data behind the score.
    """

    version: str
    score: float
    rule: str
    data_digest: str


@dataclass(frozen=True)
class Promotion:
    """Whether the alias moves, and why, as a sentence."""

    moved: bool
    reason: str


def promote(candidate: Standing, champion: Standing | None, on_other_data: str) -> Promotion:
    """Decide whether a new version becomes the champion.

    Args:
        candidate: The new version.
        champion: The version that bears the alias now; None if there is none.
        on_other_data: ``keep`` or ``move``; see :class:`ModelRegistrationConfig`.

    Returns:
        The decision and its reason.
    """
    if champion is None:
        return Promotion(True, "There was no champion.")
    scores = f"{candidate.score:.4f} against {champion.score:.4f} of version {champion.version}"
    comparable = (candidate.data_digest, candidate.rule) == (champion.data_digest, champion.rule)
    if not comparable and on_other_data == "move":
        return Promotion(
            True, f"Version {champion.version} was scored on other validation data or by another rule."
        )
    if not comparable:
        return Promotion(
            False,
            f"Version {champion.version} was scored on other validation data or by another rule, so the "
            "scores cannot be compared. Set model_registration.on_other_data to 'move' to replace it.",
        )
    if candidate.score > champion.score:
        return Promotion(True, f"Its selection score is better: {scores}.")
    return Promotion(False, f"Its selection score is not better: {scores}.")
