"""One visitor's page, from the files to the reports; it lives as long as the page is open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from coherent_cxr.evaluation.report.figures.overlay import top_of_scale
from coherent_cxr.images.reading.grey import UnreadableImageError
from coherent_cxr.pages.rendering import render
from coherent_cxr.serving.generator import NOTICE
from coherent_cxr.serving.outputs.readable import shown_name
from coherent_cxr.serving.page.elements import Drop, Viewer
from coherent_cxr.serving.page.model import PageModel
from coherent_cxr.serving.page.panel import ReportPanel, element
from coherent_cxr.serving.page.pictures import (
    attention_of,
    attention_picture,
    radiograph_picture,
    side_at_left,
)
from coherent_cxr.serving.page.rendering import PACKAGE, image_caption
from coherent_cxr.serving.page.uploads import UploadLimits, Visit
from coherent_cxr.serving.study_report import StudyReport

THEMES = {"system": None, "light": False, "dark": True}


class StudyPage:
    """What one visitor sees.

    Args:
        models: Those that are offered; the first writes the report, another may be compared with it.
        visit: Holds the visitor's images.
        limits: How many images, and how large.
    """

    def __init__(self, models: Sequence[PageModel], visit: Visit, limits: UploadLimits) -> None:
        self._models, self._visit, self._limits = models, visit, limits
        self._viewers: dict[int, Viewer] = {}
        self._captions: dict[int, TextElement] = {}
        self._turn = asyncio.Lock()
        ui.add_head_html(f"<style>{render(PACKAGE, 'page.css')}</style>")
        self._build()

    def _build(self) -> None:
        dark = ui.dark_mode(None)
        with element("header", "page-top"):
            element("h1", text="Coherent CXR")
            with element("label", "theme"):
                element("span", text="Colours")
                with element("select") as themes:
                    for name in THEMES:
                        element("option", text=name, value=name)
                themes.on(
                    "change",
                    lambda event: dark.set_value(THEMES.get(str(event.args))),
                    js_handler="(event) => emit(event.target.value)",
                )
        element("p", "warning notice", NOTICE, role="note")
        with element("div") as main:
            self._drop = Drop(self._visit, self._limits, self._arrived, self._refused)
            if len(self._models) > 1:
                self._offer_comparison()
            self._status = element("p", "status", "No study yet.", role="status", aria_live="polite")
            self._refusal = element("div", "alarm", role="alert")
            with element("div", "study-of-page") as self._result:
                self._images = element("section", "images", aria_label="Images")
                with element("div", "panels") as self._columns:
                    self._panels = [self._panel(self._models[0])]
        self._result.visible = self._refusal.visible = False
        ui.skip_link("Skip to the study", target=main)

    def _panel(self, model: PageModel, beside: ReportPanel | None = None) -> ReportPanel:
        return ReportPanel(model, titled(model), self._chosen, self._write_again, beside)

    def _offer_comparison(self) -> None:
        with element("label", "compare"):
            element("span", text="Compare with")
            with element("select") as chosen:
                element("option", text="no other model", value="")
                for place, model in enumerate(self._models[1:], 1):
                    element("option", text=titled(model), value=str(place))
        chosen.on(
            "change",
            lambda event: self._compare(event.args),
            js_handler="(event) => emit(event.target.value)",
        )

    async def _compare(self, place: str) -> None:
        async with self._turn:
            self._clear_attention()
            first = self._panels[0]
            for panel in self._panels[1:]:
                panel.remove()
            self._panels = [first]
            compared = place.isdecimal() and 0 < int(place) < len(self._models)
            self._columns.classes(add="two" if compared else "", remove="" if compared else "two")
            if compared:
                with self._columns:
                    self._panels.append(self._panel(self._models[int(place)], first))
            if self._visit.images:
                await self._write(self._panels[1:])

    async def _arrived(self) -> None:
        async with self._turn:
            self._refusal.visible = False
            self._result.visible = True
            for panel in self._panels:
                panel.forget()
            await self._show_images()
            await self._write(self._panels)

    async def _write_again(self, panel: ReportPanel) -> None:
        async with self._turn:
            if self._visit.images:
                await self._write([panel])

    async def _write(self, panels: Sequence[ReportPanel]) -> None:
        self._status.text = "Writing the report …"
        self._drop.disable(True)
        self._columns.classes(add="waiting")
        written = [await panel.write(self._visit.images) for panel in panels]
        if self._columns.is_deleted:
            return
        self._columns.classes(remove="waiting")
        self._drop.disable(False)
        self._clear_attention()
        self._say_views()
        self._status.text = self._say() if all(written) else "There is no report of this study."

    def _say_views(self) -> None:
        study = self._panels[0].study
        for place, caption in self._captions.items():
            if study is not None and place < len(study.images):
                caption.text = image_caption(study.images[place])

    def _say(self) -> str:
        said = []
        for panel in self._panels:
            if panel.study is None:
                continue
            warnings = sum(note.level == "warning" for note in panel.study.notes)
            sentences = len(panel.study.report.sentences)
            said.append(
                f"{sentences} sentence{'s' * (sentences != 1)}, {warnings} warning{'s' * (warnings != 1)}"
            )
        return f"Report ready: {'; '.join(said)}.{self._difference()}"

    def _difference(self) -> str:
        """Say in which labels the reports of two models differ."""
        studies = [panel.study for panel in self._panels if panel.study is not None]
        if len(studies) < 2:
            return ""
        one, other = (study.report.labels for study in studies)
        names = [name for name in one if one[name] != other.get(name)]
        return f" The texts differ in {', '.join(names)}." if names else " Both texts have the same labels."

    async def _show_images(self) -> None:
        self._images.clear()
        self._viewers, self._captions = {}, {}
        for place, image in enumerate(self._visit.images):
            try:
                picture = await asyncio.to_thread(radiograph_picture, image.data, image.name)
            except UnreadableImageError:
                continue  # the report says so of each image
            side = side_at_left(image.data)
            with self._images:
                self._viewers[place] = Viewer(picture, image.name, side, self._clear_choice)
                self._captions[place] = element("p", "caption", image.name)

    def _refused(self, message: str) -> None:
        self._refusal.clear()
        with self._refusal:
            element("p", text=message)
        self._refusal.visible = True
        self._result.visible = False
        self._status.text = "No report: an image was refused."

    def _clear_attention(self) -> None:
        self._clear_choice()
        study = self._panels[0].study
        for place, viewer in self._viewers.items():
            viewer.clear_attention(study is not None and place == attended_image(study))

    def _clear_choice(self) -> None:
        for panel in self._panels:
            panel.text.clear_choice()

    def _chosen(self, panel: ReportPanel, sentence: int, word: int | None) -> None:
        viewer = self._viewers.get(attended_image(panel.study)) if panel.study else None
        if panel.study is None or viewer is None:
            return
        for other in self._panels:
            if other is not panel:
                other.text.clear_choice()
        attended = panel.study.report.attention
        if not 0 <= sentence < len(attended) or (
            word is not None and not 0 <= word < len(attended[sentence])
        ):
            return  # of a report that was replaced meanwhile
        words = attended[sentence]
        seen = attention_of(words, word)
        top = self._top_of_scale()
        what = f"Sentence {sentence + 1}, mean of its words"
        if word is not None:
            what = f"{'Finding token ' * words[word].is_finding_token}“{words[word].word}”"
        share = f"{100 * seen.on_image:.0f} % of the attention lies on the image"
        caption = f"{what}: {share}, the rest on the visual sentinel (the words so far)."
        viewer.show(attention_picture(seen.regions, top), top, caption)

    def _top_of_scale(self) -> float:
        """Return one scale for all maps of all reports on the page."""
        studies = [panel.study for panel in self._panels if panel.study is not None]
        return top_of_scale(
            [word.regions for study in studies for words in study.report.attention for word in words]
        )


def titled(model: PageModel) -> str:
    """Return what the page calls a model."""
    version = f", version {model.identity.version}" if model.identity.version else ""
    return f"{shown_name(model.identity.name)}{version}"


def attended_image(study: StudyReport) -> int:
    """Return the place of the image under the maps: the first that is read, a frontal one if there is any."""
    read = [place for place, image in enumerate(study.images) if image.left_out is None]
    return min(read, key=lambda place: study.images[place].view == "lateral", default=0)
