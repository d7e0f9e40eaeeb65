"""The report of one model: text, findings, operating point, export."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from coherent_cxr.serving.outputs.formats import FORMATS, Format
from coherent_cxr.serving.page.elements import ReportText
from coherent_cxr.serving.page.model import PageModel, Upload
from coherent_cxr.serving.page.operating_points import OperatingPoint
from coherent_cxr.serving.page.rendering import findings_html, report_html
from coherent_cxr.serving.study.study import RefusedStudyError
from coherent_cxr.serving.study_report import StudyReport

logger = logging.getLogger(__name__)
FAILED = "The model failed on this study. The server's log says more."
NO_EXPORT = "The report could not be put into this form. The server's log says more."
GENERATOR = "the generator decides, word by word"
BALANCED = "balanced"
FILE = "coherent-cxr-report"
EXPORTS = {
    "text": "Text",
    "json": "JSON",
    "fhir": "FHIR",
    "dicom-sr": "DICOM SR",
    "dicom-sr-measurements": "DICOM SR, TID 1500",
}
"""Names of forms that the page offers, with what it calls them."""


def element(tag: str, classes: str = "", text: str = "", **attributes: Any) -> TextElement:
    """Return a plain HTML element.

    Args:
        tag: Its name.
        classes: Of its style.
        text: Inside it.
        attributes: Of it; underscores become hyphens.
    """
    made = TextElement(tag=tag, text=text).classes(classes)
    made._props |= {name.replace("_", "-"): value for name, value in attributes.items()}
    return made


class ReportPanel:
    """What one model says of the study.

    Args:
        model: The model.
        title: Heading of the panel.
        on_chosen: Called with this panel and the place of sentence and word that were chosen.
        on_changed: Called when its operating point was changed.
        beside: A panel whose operating point it takes over, if its model has that one.
    """

    def __init__(
        self,
        model: PageModel,
        title: str,
        on_chosen: Callable[[ReportPanel, int, int | None], Any],
        on_changed: Callable[[ReportPanel], Any],
        beside: ReportPanel | None = None,
    ) -> None:
        self.model, self._on_changed = model, on_changed
        self.study: StudyReport | None = None
        names = [point.name for point in model.points]
        first = beside.point.name if beside and beside.point else model.initial or BALANCED
        self._place = names.index(first) if first in names else 0
        self._decides = bool(names) and (beside is None or beside.point is not None)
        self._section = element("section", "panel", aria_label=title)
        with self._section:
            element("h2", text=title)
            self._points()
            self._error = element("div", "alarm", role="alert")
            self.text = ReportText(lambda sentence, word: on_chosen(self, sentence, word))
            with element("div") as self._rest:
                element("h3", text="Findings")
                self._findings = ui.html("", sanitize=False)
                self._exports()
        self._error.visible = self._rest.visible = False

    @property
    def point(self) -> OperatingPoint | None:
        """The operating point that decides; None if the generator does."""
        return self.model.points[self._place] if self._decides else None

    async def write(self, images: Sequence[Upload]) -> bool:
        """Write the report of a study by the operating point that is set, and show it.

        Args:
            images: Of the study.

        Returns:
            Whether there is a report.
        """
        point = self.point
        try:
            study = await self.model.report(images, point.name if point else None)
        except RefusedStudyError as error:
            left_out = [image for image in error.refusal.images if image.left_out]
            reasons = [f"{image.name}: {image.left_out}" for image in left_out if len(left_out) > 1]
            self._refuse(str(error), *reasons)
            return False
        except Exception:
            logger.exception("The page has no report of a study.")
            self._refuse(FAILED)
            return False
        report, findings = await asyncio.to_thread(_fragments, study, point)
        if self._section.is_deleted:  # the visitor has left meanwhile
            return False
        self.study = study
        self._error.visible, self._rest.visible = False, True
        self.text.fill(report)
        self._findings.set_content(findings)
        return True

    def remove(self) -> None:
        """Take it from the page."""
        self._section.delete()

    def forget(self) -> None:
        """Drop the report."""
        self.study = None
        self.text.fill("")
        self._findings.set_content("")
        self._rest.visible = False

    def _refuse(self, *lines: str) -> None:
        self.forget()
        self._tell(*lines)

    def _tell(self, *lines: str) -> None:
        self._error.clear()
        with self._error:
            for line in lines:
                element("p", text=line)
        self._error.visible = True

    def _points(self) -> None:
        points = self.model.points
        if not points:
            return
        with element("fieldset", "points"):
            element("legend", "unseen", "What decides the findings")
            with element("label", "point"):
                element("span", text="Operating point")
                self._slider = element(
                    "input", type="range", min=0, max=len(points) - 1, step=1, value=self._place
                )
                self._slider.on("change", self._moved, js_handler="(event) => emit(event.target.value)")
                with element("span", "ends", aria_hidden="true"):
                    element("span", text="finds less")
                    element("span", text="finds more")
            self._meaning = element("p", "meaning")
            with element("label", "generator"):
                tick = element("input", type="checkbox", checked=not self._decides)
                tick.on("change", self._ticked, js_handler="(event) => emit(event.target.checked)")
                element("span", text="Let the generator decide alone")
        self._say_point()

    def _say_point(self) -> None:
        point = self.point
        self._meaning.text = f"{point.name}: {point.meaning}" if point else GENERATOR
        self._slider._props["aria-valuetext"] = self._meaning.text
        self._slider._props["disabled"] = point is None
        self._slider._props["value"] = self._place

    def _moved(self, event: Any) -> Any:
        self._place = min(max(0, int(event.args)), len(self.model.points) - 1)
        self._say_point()
        return self._on_changed(self)

    def _ticked(self, event: Any) -> Any:
        self._decides = not event.args
        self._say_point()
        return self._on_changed(self)

    def _exports(self) -> None:
        with element("div", "exports", role="group", aria_label="Export"):
            element("span", text="Export")
            for name, label in EXPORTS.items():
                button = element("button", text=label, type="button")
                button.on("click", lambda _, form=FORMATS[name]: self._download(form), args=[])

    async def _download(self, form: Format) -> None:
        if self.study is None:
            return
        # in a thread, as libraries are imported; without an identification, so that it names no patient
        try:
            data = await asyncio.to_thread(form.write, self.study, None)
        except Exception:
            logger.exception("The page could not export a report.")
            self._tell(NO_EXPORT)
            return
        if not self._section.is_deleted:
            ui.download(data, f"{FILE}{form.suffix}", form.media_type)


def _fragments(study: StudyReport, point: OperatingPoint | None) -> tuple[str, str]:
    return report_html(study), findings_html(study, point)
