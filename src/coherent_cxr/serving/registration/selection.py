"""Which model is registered, and whether it becomes the champion: rules over validation numbers.

Language metrics and macro-F1 have different scales, so they are not added. The champion has the highest
clinical score (macro-F1 over the labels with a positive reference) among the systems whose language is not
significantly below the likelihood-trained model's, and never is one that has collapsed to the normal report,
at any time of its training.
The test split decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, NonNegativeInt

from coherent_cxr.configuration import Settings, Share, ShareBelowOne, require

REFERENCE = "mle"
"""The system that the others start from and are compared with."""
FINISHED = "finished"
"""How a training ended that was not stopped."""
COLLAPSED, NOT_COLLAPSED = "collapsed", "no"
"""Tag of a version: why it has collapsed to the normal report, or that it has not."""


class ModelRegistrationConfig(Settings):
    """How a trained generator is chosen and registered.

    Attributes:
        name: Registered model.
        candidate: System to register (``mle`` or a namespace of rl_fine_tuning); ``best`` takes the rule's
            choice.
        min_positive_calls: Share of the MLE model's positive labels on the validation split below which a
            system counts as collapsed to the normal report.
        min_unique_reports: Share of different reports on the validation split below which it does, too.
        resamples: Bootstrap resamples of the validation patients behind the comparison of language.
        seed: Seed of the resamples.
        on_other_data: What to do if the present champion was scored on other validation data, so that the two
            scores say nothing about each other: ``keep`` the champion or ``move`` the alias.
        abstain_share: Share of the validation studies, nearest to a finding's threshold, that the band in
            which the model abstains holds; 0 for no bands.
        name_training_studies: Whether ids of training studies go into the bundle, to be named beside reports
            on images that look alike; only where the licence of the corpus allows it.
        sample_report: Whether the model card shows a generated report; only where text of reports may be
            passed on with a model.
        licence: Licence of the weights, for the model card.
        checkpoint_folder: Where training cached the image features.
    """

    name: str
    candidate: str
    min_positive_calls: Share
    min_unique_reports: Share
    resamples: Annotated[int, Field(ge=100)]
    seed: NonNegativeInt
    on_other_data: Literal["keep", "move"]
    abstain_share: ShareBelowOne
    name_training_studies: bool
    sample_report: bool
    licence: str
    checkpoint_folder: str

    def rule(self, label_rules: str) -> str:
        """Return the rule in words.

        Args:
            label_rules: Rule set of the labeller behind the clinical score.
        """
        return (
            "the highest macro-F1 over the labels with a positive reference (rule set "
            f"{label_rules}; greedy reports of the validation split without repeated sentences; uncertain "
            "and absent labels count as not positive) among the systems whose CIDEr-D is not significantly "
            f"below that of {REFERENCE} (95 % interval of the paired bootstrap over patients) and that have "
            f"not collapsed to the normal report (at least {self.min_positive_calls:g} of the positive "
            f"labels of {REFERENCE}, at least {self.min_unique_reports:g} of the reports different)"
        )

    def choose(self, assessments: Mapping[str, Assessment]) -> Selection:
        """Return the rule's choice and the system to register; of equal scores, the one named first.

        Args:
            assessments: What the rule makes of each system.

        Raises:
            ConfigurationError: If the configured candidate is not among the systems.
        """

        def highest(systems: Mapping[str, Assessment]) -> str:
            return max(systems, key=lambda system: systems[system].score)

        self._require_candidate(assessments)
        eligible = {system: found for system, found in assessments.items() if not found.reasons}
        champion = highest(eligible) if eligible else None
        if self.candidate != "best":
            return Selection(champion, self.candidate)
        return Selection(champion, champion or highest(assessments))

    def with_candidate(self, validation: Mapping[str, Any]) -> dict[str, Any]:
        """Return numbers of validation, perhaps of an earlier run, with the candidate that is set now.

        Args:
            validation: What :func:`coherent_cxr.serving.registration.scoring.score_candidates` returned.

        Raises:
            ConfigurationError: If the configured candidate is not among the systems.
        """
        systems = validation["systems"]
        self._require_candidate(systems)
        highest = max(systems, key=lambda system: systems[system]["score"])
        best = validation["by_rule"] or highest
        return {**validation, "candidate": best if self.candidate == "best" else self.candidate}

    def _require_candidate(self, systems: Mapping[str, Any]) -> None:
        known = self.candidate == "best" or self.candidate in systems
        right = f"one of best, {', '.join(systems)}"
        require(known, "model_registration.candidate", self.candidate, right)


class Selection(NamedTuple):
    """The system that the rule would make champion, None if none may be; and the one to register."""

    by_rule: str | None
    registered: str


class Difference(NamedTuple):
    """A mean difference and its 95 % interval; None where there is none."""

    value: float
    low: float | None
    high: float | None


class Assessment(NamedTuple):
    """What the rule makes of a system.

    Attributes:
        score: Clinical score; 0 where no label has a positive reference.
        language: CIDEr-D minus that of the MLE model.
        reasons: Why it cannot be champion, in sentences; empty if it can.
        collapsed: Those of them that say that it has collapsed, which no person may overrule.
    """

    score: float
    language: Difference
    reasons: list[str]
    collapsed: tuple[str, ...] = ()


def assess(
    config: ModelRegistrationConfig,
    numbers: Mapping[str, float],
    reference: Mapping[str, float],
    language: Difference,
    ended: str = FINISHED,
) -> Assessment:
    """Judge a system by its validation numbers.

    Args:
        config: The limits.
        numbers: ``macro_f1``, ``positive_calls`` and ``unique_reports`` of the system.
        reference: The same of the MLE model.
        language: CIDEr-D of the system minus that of the MLE model.
        ended: How its training ended, as its metadata say: ``finished``, or why it was stopped.
    """
    reasons, collapsed = [], []
    if ended != FINISHED:
        collapsed.append(f"Its training collapsed: {ended}")
    if language.high is not None and language.high < 0:
        reasons.append(
            f"Its CIDEr-D is significantly below that of {REFERENCE} ({language.value:+.3f}, 95 % interval "
            f"{language.low:+.3f} to {language.high:+.3f})."
        )
    calls, required = numbers["positive_calls"], config.min_positive_calls * reference["positive_calls"]
    if calls < required:
        collapsed.append(
            f"It has collapsed to the normal report: it affirms {calls:.0f} positive labels, {REFERENCE} "
            f"{reference['positive_calls']:.0f} (at least {required:g} are asked for)."
        )
    if numbers["unique_reports"] < config.min_unique_reports:
        collapsed.append(
            f"It has collapsed: {numbers['unique_reports']:.3f} of its reports are different (at least "
            f"{config.min_unique_reports:g} are asked for)."
        )
    return Assessment(numbers.get("macro_f1", 0.0), language, [*collapsed, *reasons], tuple(collapsed))


@dataclass(frozen=True)
class RegistryEntry:
    """What the promotion rule knows about a registered version.

    Attributes:
        version: Version number in the registry.
        score: Clinical score; NaN if it was not recorded.
        rule: The rule behind the score, in words.
        data_digest: Digest of the validation data behind the score.
        why_not: Why it cannot be champion whatever its score; empty if it can.
        weights_digest: Of the generator's weights; empty if it was not recorded.
    """

    version: str
    score: float
    rule: str
    data_digest: str
    why_not: str = ""
    weights_digest: str = ""


@dataclass(frozen=True)
class Promotion:
    """Whether the alias moves, and why, as a sentence."""

    moved: bool
    reason: str


def promote(candidate: RegistryEntry, champion: RegistryEntry | None, on_other_data: str) -> Promotion:
    """Decide whether a new version becomes the champion.

    Args:
        candidate: The new version.
        champion: The version that bears the alias now; None if there is none.
        on_other_data: ``keep`` or ``move``; see :class:`ModelRegistrationConfig`.

    Returns:
        The decision and its reason.
    """
    if champion is not None and champion.version == candidate.version:
        why_not = (
            f"Version {champion.version} is the champion already, with these weights. {candidate.why_not}"
        )
        return Promotion(False, why_not.strip())
    if candidate.why_not:
        return Promotion(False, candidate.why_not)
    if champion is None:
        return Promotion(True, "There was no champion.")
    if candidate.weights_digest and candidate.weights_digest == champion.weights_digest:
        return Promotion(
            True,
            f"It is version {champion.version} with the same weights; only what stands beside them "
            "(thresholds, bands, image checks, names of studies) was made anew.",
        )
    scores = f"{candidate.score:.4f} against {champion.score:.4f} of version {champion.version}"
    comparable = (candidate.data_digest, candidate.rule) == (champion.data_digest, champion.rule)
    comparable = comparable and not math.isnan(champion.score)
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
        return Promotion(True, f"Its clinical score is better: {scores}.")
    return Promotion(False, f"Its clinical score is not better: {scores}.")
