"""Checks of one image's pixels before a model reads it, learnt from the training images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coherent_cxr.images.reading.notes import Note
from coherent_cxr.images.recognition.chest_likeness import ChestLikeness
from coherent_cxr.images.recognition.view_classifier import SURE, ViewClassifier, rank_features

UNLIKE = "Its grey levels are not arranged as in the frontal chest radiographs of the training."


@dataclass(frozen=True)
class ImageChecks:
    """Checks of one image, as small as a bundle can carry: about 25 kB of JSON.

    Attributes:
        views: Tells laterals; None if too few were known.
        chest: Tells what is built like a frontal image of a chest; None if there were too few images.
        laterals_read: Whether the model was trained on laterals too, which are then nothing to warn of.
    """

    views: ViewClassifier | None = None
    chest: ChestLikeness | None = None
    laterals_read: bool = False

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> ImageChecks:
        """Read what :meth:`as_dict` wrote.

        Raises:
            ValueError: If it is something else.
        """
        try:
            views, chest = entry.get("views"), entry.get("chest")
            return cls(
                ViewClassifier.from_dict(views) if views else None,
                ChestLikeness.from_dict(chest) if chest else None,
                bool(entry.get("laterals_read", False)),
            )
        except (AttributeError, KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"These are no image checks ({type(error).__name__}).") from error

    def as_dict(self) -> dict[str, Any]:
        """Return them as plain JSON."""
        return {
            "views": self.views.as_dict() if self.views else None,
            "chest": self.chest.as_dict() if self.chest else None,
            "laterals_read": self.laterals_read,
        }

    def notes(self, pixels: NDArray[np.uint8], is_lateral: bool = False) -> tuple[Note, ...]:
        """Check an image that was read, before a model sees it.

        Args:
            pixels: Grey levels (height, width), as
                :func:`~coherent_cxr.images.reading.decode.read_square` gives them.
            is_lateral: Whether it is known to be a lateral, and read as one.

        Returns:
            Warnings, or nothing.
        """
        return self.notes_of(rank_features(pixels), is_lateral)

    def notes_of(self, features: NDArray[np.float32], is_lateral: bool = False) -> tuple[Note, ...]:
        """Do the same from an image's ranks, as :func:`~.view_classifier.rank_features` gives them."""
        notes = []
        lateral = 0.0 if self.views is None else self.views.lateral(features)
        if lateral >= SURE and not self.laterals_read:
            detail = (
                f"It looks like a lateral view (probability {lateral:.2f}); the model reads frontal ones."
            )
            notes.append(Note("lateral_view", detail))
        # of a model that reads laterals only what looks frontal can be compared with frontal chests
        frontal = not self.laterals_read or (
            self.views is not None and not is_lateral and lateral <= 1 - SURE
        )
        if frontal and self.chest is not None and not self.chest.is_like(features):
            notes.append(Note("unlike_chest_radiograph", UNLIKE))
        return tuple(notes)
