"""Which images of a study its report rests on, and which studies get none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coherent_cxr.images.reading.notes import Level, Note
from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.images.recognition.view_classifier import LATERAL
from coherent_cxr.inputs.quoting import quote
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.reports.text import tokenize_findings
from coherent_cxr.serving.study.generation import PreparedImage, PreparedStudy
from coherent_cxr.serving.study.prior import PreparedPrior
from coherent_cxr.serving.study.reading import ReadImage, read_image
from coherent_cxr.serving.study.study import GivenPrior, Refusal
from coherent_cxr.serving.study_report import StudyImage

CERTAIN = ("given", "tags")
"""How a view is known for sure."""
LATERAL_ONLY = "It is a lateral view, and the model reads frontal ones only."
SCORED_ONLY = "The text rests on another image; this one counts for the probabilities of the findings alone."
NOT_READ = "The model reads one image of each view, and another one of this view came first."
NO_FRONTAL = "The study has no frontal image; the report rests on a lateral one."
PRIOR_IGNORED = "A study before came with the images; this model does not read it, so it changed nothing."
PRIOR_REPORT_IGNORED = "The report of the study before changed nothing: this model reads its images alone."
PRIOR_UNREAD = "The study before could not be read, and the report was written as if there were none."
OTHER_PART = "Other images of the study are not of another part of the body."


class Abilities(NamedTuple):
    """What decides how a model reads studies.

    Attributes:
        of_studies: Whether it reads a frontal and a lateral image together.
        laterals_read: Whether laterals were among its training images.
        scores: Whether its label classifier scores every image of a study.
        checks: What it knows of its training images' pixels.
        reads_prior: Whether it reads the study before ...
        reads_prior_report: ... and its report.
    """

    of_studies: bool
    laterals_read: bool
    scores: bool
    checks: ImageChecks | None
    reads_prior: bool = False
    reads_prior_report: bool = False

    @classmethod
    def of(cls, bundle: ModelBundle) -> Abilities:
        """Return those of a model."""
        of_studies, checks = bundle.config.study_input == "per_study", bundle.image_checks
        laterals_read = of_studies or (checks is not None and checks.laterals_read)
        prior = bundle.config.study_input == "with_prior", bundle.config.prior_report
        return cls(of_studies, laterals_read, bundle.decider is not None, checks, *prior)


class Selected(NamedTuple):
    """A study that gets a report.

    Attributes:
        study: The images that it rests on.
        images: All images, with why some were left out.
        notes: Notes on the study as a whole.
    """

    study: PreparedStudy
    images: tuple[StudyImage, ...]
    notes: tuple[Note, ...] = ()


class _LeftOut(NamedTuple):
    reason: str
    detail: str


def select(study_id: str, images: Sequence[ReadImage], model: Abilities) -> Selected | Refusal:
    """Choose the images that a report rests on.

    The first frontal image is read, one of known view before one that is only assumed to be frontal; a model
    of whole studies also reads the first lateral one. The label classifier scores all images of the views
    that the model was trained on.

    Refused are studies without any image or without one that can be read; of another technique than
    projection radiography; of another part of the body, if tags and pixels agree on it; and of laterals alone
    where the model reads frontal ones. A lateral that only the classifier calls so is read, with a warning.

    Args:
        study_id: Which study.
        images: Its images, in the order in which they were given.
        model: What the model can read.
    """
    if not images:
        return Refusal(study_id, "no_image", f"The study {quote(study_id)} holds no image.")
    left_out = {place: why for place, image in enumerate(images) if (why := _unusable(image, model.checks))}
    usable = [place for place in range(len(images)) if place not in left_out]
    doubtful = [place for place in usable if _note(images[place], "other_body_part")]
    if len(doubtful) < len(usable):
        left_out |= {place: _LeftOut("other_body_part", _other_part(images[place])) for place in doubtful}
        usable = [place for place in usable if place not in doubtful]
    laterals = [place for place in usable if images[place].view == LATERAL]
    frontals = [place for place in usable if place not in laterals]
    frontals.sort(key=lambda place: images[place].view_from == "assumed")
    if not model.laterals_read:
        if not frontals:
            guessed = [place for place in laterals if images[place].view_from not in CERTAIN]
            frontals = sorted(guessed, key=lambda place: images[place].lateral)[:1]
        left_out |= {
            place: _LeftOut("lateral_only", LATERAL_ONLY) for place in laterals if place not in frontals
        }
        laterals = []
    if not frontals and not laterals:
        return _refused(study_id, images, left_out)
    read = frontals[:1] or laterals[:1]
    if model.of_studies and frontals:
        read = [*read, *laterals[:1]]
    scored = [place for place in (*frontals, *laterals) if place not in read]
    told = dict.fromkeys(scored, SCORED_ONLY if model.scores else NOT_READ)
    told |= {place: why.detail for place, why in left_out.items()}
    study = PreparedStudy(prepared_images(images, read, model), prepared_images(images, scored, model))
    shown = tuple(image.shown(told.get(place)) for place, image in enumerate(images))
    return Selected(study, shown, _study_notes(images, frontal=bool(frontals)))


class ReadPrior(NamedTuple):
    """The study before.

    Attributes:
        prepared: As the model reads it; None where it reads none.
        notes: What people have to know of it.
    """

    prepared: PreparedPrior | None = None
    notes: tuple[Note, ...] = ()


def read_prior(given: GivenPrior | None, size: int, model: Abilities) -> ReadPrior:
    """Read the study before; one that a model cannot read never costs the study its report.

    Args:
        given: The study before, if there is one.
        size: Side of the square that the model reads.
        model: What the model can read.
    """
    if given is None:
        return ReadPrior()
    if not model.reads_prior:
        return ReadPrior(notes=(Note("prior_ignored", PRIOR_IGNORED),))
    images = [read_image(image, at, size, model.checks) for at, image in enumerate(given.images)]
    chosen = select("prior", images, model)
    if isinstance(chosen, Refusal):
        return ReadPrior(notes=(Note("prior_unread", f"{PRIOR_UNREAD} {chosen.message}"),))
    tokens = tokenize_findings(given.report).tokens if model.reads_prior_report else []
    first = chosen.study.read[0]
    notes = [
        Note(note.code, f"The study before: {note.detail}")
        for note in (*chosen.notes, *first.notes)
        if note.level == Level.WARNING
    ]
    if given.report and not model.reads_prior_report:
        notes.append(Note("prior_report_ignored", PRIOR_REPORT_IGNORED))
    return ReadPrior(PreparedPrior(first.pixels, given.days, tokens), tuple(notes))


def _unusable(image: ReadImage, checks: ImageChecks | None) -> _LeftOut | None:
    """Return why an image can be used in no case, or None."""
    if image.pixels is None:
        return _LeftOut(image.reason, image.detail)
    if note := _note(image, "other_modality"):
        return _LeftOut("other_modality", f"{note.detail} The model reads chest radiographs only.")
    if note := _note(image, "other_body_part"):
        chest = None if checks is None else checks.chest
        if chest is not None and image.ranks is not None and not chest.is_like(image.ranks):
            return _LeftOut("other_body_part", f"{note.detail} Nor does it look like a chest radiograph.")
    return None


def _other_part(image: ReadImage) -> str:
    note = _note(image, "other_body_part")
    return "" if note is None else f"{note.detail} {OTHER_PART}"


def _note(image: ReadImage, code: str) -> Note | None:
    return next((note for note in image.notes if note.code == code), None)


def _refused(study_id: str, images: Sequence[ReadImage], left_out: dict[int, _LeftOut]) -> Refusal:
    shown = tuple(image.shown(left_out[place].detail) for place, image in enumerate(images))
    first = left_out[0]
    if len(images) == 1:
        said = (
            first.detail
            if images[0].pixels is None
            else f"{quote(images[0].name)} gets no report. {first.detail}"
        )
        return Refusal(study_id, first.reason, said, shown)
    reasons = {why.reason for why in left_out.values()}
    details = f"None of the {len(images)} images of the study {quote(study_id)} can be used. The first: "
    return Refusal(
        study_id, first.reason if len(reasons) == 1 else "no_usable_image", f"{details}{first.detail}", shown
    )


def prepared_images(
    images: Sequence[ReadImage], places: Sequence[int], model: Abilities
) -> tuple[PreparedImage, ...]:
    """Return images as the model reads them.

    Args:
        images: Of a study.
        places: Which of them; all could be read.
        model: Whether it reads a lateral as one, and its checks.

    Returns:
        With the notes of the reader and those of the checks.
    """
    chosen = []
    for image in (images[place] for place in places):
        assert image.pixels is not None
        assert image.ranks is not None
        as_lateral = model.laterals_read and image.view == LATERAL
        notes = [note for note in image.notes if not (as_lateral and note.code == "lateral_view")]
        if model.checks is not None:
            notes += model.checks.notes_of(image.ranks, as_lateral)
        name = quote(image.name, 60) if len(images) > 1 else ""
        chosen.append(PreparedImage(image.pixels, as_lateral, tuple(notes), name))
    return tuple(chosen)


def _study_notes(images: Sequence[ReadImage], frontal: bool) -> tuple[Note, ...]:
    notes = [] if frontal else [Note("no_frontal", NO_FRONTAL)]
    unread = [image for image in images if image.pixels is None]
    if unread:
        detail = (
            f"{len(unread)} of the {len(images)} images of the study could not be read, and the report does "
            f"not rest on them. The first: {unread[0].detail}"
        )
        notes.append(Note("unread_images", detail))
    return tuple(notes)
