"""The report of one model: text, findings, operating point, export."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element

from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.serving.page.elements import ReportText
from coherent_cxr.serving.page.exports import FORMS, ExportForm
from coherent_cxr.serving.page.model import PageModel, Upload
from coherent_cxr.serving.page.operating_points import OperatingPoint
from coherent_cxr.serving.page.rendering import findings_html, report_html
from coherent_cxr.serving.study_report import StudyReport

logger = logging.getLogger(__name__)
FAILED = "The model failed on this study. The server's log says more."
GENERATOR = "the generator decides, word by word"
BALANCED = "balanced"


def element(tag: str, classes: str = "", text: str = "", **attributes: Any) -> Element:
    """Return a plain HTML element.

    Args:
        tag: Its name.
        classes: Of its style.
        text: Inside it.
        attributes: Of it; an underscore at the end is dropped, others become hyphens.
    """
    made = ui.element(tag).classes(classes)
    made._props |= {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    if text:
        with made:
            ui.html(text, sanitize=False, tag="span") if "<" in text else ui.label(text).classes("inline")
    return made


class ReportPanel:
    """What one model says of the study.

    Args:
        model: The model.
        title: Heading of the panel.
        on_chosen: Called with this panel and the place of sentence and word that were chosen.
        on_changed: Called when its operating point was changed.
    """

    def __init__(
        self,
        model: PageModel,
        title: str,
        on_chosen: Callable[[ReportPanel, int, int | None], Any],
        on_changed: Callable[[ReportPanel], Any],
    ) -> None:
        self.model, self._on_changed = model, on_changed
        self.study: StudyReport | None = None
        names = [point.name for point in model.points]
        self._place = names.index(BALANCED) if BALANCED in names else 0
        self._decides = bool(names)
        with element("section", "panel", aria_label=title):
            element("h2", text=title)
            self._points()
            self._error = element("div", "alarm", role="alert")
            self.text = ReportText(lambda sentence, word: on_chosen(self, sentence, word))
            element("h3", text="Findings")
            self._findings = ui.html("", sanitize=False)
            self._exports()
        self._error.visible = False

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
            self.study = await self.model.report(images, point.name if point else None)
        except UnreadableImageError as error:
            self._refuse(str(error))
            return False
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("The page has no report of a study.")
            self._refuse(FAILED)
            return False
        self._error.visible = False
        self.text.fill(report_html(self.study))
        self._findings.set_content(findings_html(self.study, point))
        return True

    def forget(self) -> None:
        """Drop the report."""
        self.study = None
        self.text.fill("")
        self._findings.set_content("")

    def _refuse(self, message: str) -> None:
        self.forget()
        self._error.clear()
        with self._error:
            ui.label(message)
        self._error.visible = True

    def _points(self) -> None:
        points = self.model.points
        if not points:
            return
        with element("fieldset", "points"):
            element("legend", "unseen", "Operating point")
            with element("label", "point"):
                ui.label("Operating point")
                self._slider = element(
                    "input", type="range", min=0, max=len(points) - 1, step=1, value=self._place
                )
                self._slider.on("change", self._moved, js_handler="(event) => emit(event.target.value)")
                with element("span", "ends", aria_hidden="true"):
                    element("span", text="finds less")
                    element("span", text="finds more")
            with element("p", "meaning"):
                self._meaning = ui.label()
            with element("label", "generator"):
                tick = element("input", type="checkbox")
                tick.on("change", self._ticked, js_handler="(event) => emit(event.target.checked)")
                ui.label("Let the generator decide alone")
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
            ui.label("Export")
            for form in FORMS:
                button = element("button", text=form.label, type="button")
                button.on("click", lambda _, form=form: self._download(form), args=[])

    def _download(self, form: ExportForm) -> None:
        if self.study is not None:
            ui.download(form.make(self.study), f"coherent-cxr-report.{form.ending}", form.media_type)
