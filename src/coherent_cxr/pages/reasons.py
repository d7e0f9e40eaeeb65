"""Reasons of exclusions tables, in words."""

from __future__ import annotations

from typing import Final

IN_WORDS: Final = {
    "not_drawn": "a view for which no synthetic image is made",
    "study_without_findings": "its study has no findings to learn from",
    "study_without_image": "its study has no image",
    "no_findings_section": "the report has no findings section",
    "impression_only": "the report has an impression alone",
    "no_words_in_findings": "the findings section has no words",
    "missing_image": "the image file is missing",
    "image_in_no_study": "no report belongs to the image",
    "view_not_selected": "a view that is not used",
    "lateral_view": "a lateral view",
    "not_in_split_file": "the split file does not name the study",
    "duplicate_study": "the study stood in the corpus before",
    "duplicate_image": "the image stood in the corpus before",
    "brightness_variant": "another image in other brightness",
    "unlike_chest_radiograph": "it does not look like a chest radiograph",
}


def in_words(reason: str) -> str:
    """Return a reason as one reads it; a code without words of its own loses its underscores."""
    return IN_WORDS.get(reason, reason.replace("_", " "))
