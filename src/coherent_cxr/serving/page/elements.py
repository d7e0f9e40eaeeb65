"""The page's own elements: where files are dropped, the viewer, and the report whose words can be clicked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import events
from nicegui.element import Element

from coherent_cxr.pages.colours import RAMP
from coherent_cxr.serving.page.uploads import UploadLimits, Visit

ADDRESS = "/page/images"
KINDS = ".dcm,.dicom,.png,.jpg,.jpeg,application/dicom,image/png,image/jpeg"
HINT = "Click a sentence or a word of the report to see its attention on the image."


class Drop(Element, component="scripts/drop.js"):
    """Takes the image files of one study.

    Args:
        visit: Whose files they become.
        limits: How many and how large.
        on_arrived: Called when all have arrived.
        on_refused: Called with a sentence if one was refused.
    """

    def __init__(
        self,
        visit: Visit,
        limits: UploadLimits,
        on_arrived: Callable[[], Any],
        on_refused: Callable[[str], Any],
    ) -> None:
        super().__init__()
        self._props |= {
            "url": ADDRESS,
            "token": visit.token,
            "most": limits.max_images,
            "title": "Drop the images of one study here, or choose them",
            "hint": f"DICOM, PNG or JPEG; at most {limits.max_images} images of "
            f"{limits.max_file_bytes / 1e6:g} MB. The server has them in memory while this page is open.",
        }
        self.on("arrived", on_arrived, args=[])
        self.on("refused", lambda event: on_refused(str(event.args)))

    def disable(self, disabled: bool) -> None:
        """Take no files while a report is being written."""
        self._props["disabled"] = disabled


class Viewer(Element, component="scripts/viewer.js"):
    """Shows one radiograph.

    Args:
        picture: Its address.
        name: What it is called.
        side: The patient's side at its left edge, if it is known.
        on_hidden: Called when the attention is taken away.
    """

    def __init__(self, picture: str, name: str, side: str | None, on_hidden: Callable[[], Any]) -> None:
        super().__init__()
        stops = ", ".join(f"rgb({r} {g} {b} / {35 * place}%)" for place, (r, g, b) in enumerate(RAMP))
        self._props |= {
            "src": picture,
            "alt": f"Radiograph {name}",
            "label": f"Radiograph {name}",
            "side": side or "",
            "colours": f"linear-gradient(to right, {stops}), #777",
        }
        self.on("hidden", on_hidden, args=[])

    def show(self, picture: str, top: float, caption: str) -> None:
        """Lay an attention map over the image.

        Args:
            picture: Its address.
            top: Share of the attention at the top of its scale.
            caption: What it shows.
        """
        self.run_method("show", picture, f"{100 * top:.0f} %", caption)

    def clear_attention(self, is_attended: bool) -> None:
        """Take the map away.

        Args:
            is_attended: Whether it is the image that maps are laid over.
        """
        self.run_method("show", "", "", HINT if is_attended else "")


class ReportText(Element, component="scripts/report.js"):
    """Shows a report.

    Args:
        on_chosen: Called with place of sentence and word; without a word the sentence was chosen.
    """

    def __init__(self, on_chosen: Callable[[int, int | None], Any]) -> None:
        super().__init__()
        self._props["html"] = ""

        def chosen(event: events.GenericEventArguments) -> None:
            word = event.args["word"]
            on_chosen(int(event.args["sentence"]), None if word is None else int(word))

        self.on("chosen", chosen)

    def fill(self, html: str) -> None:
        """Show a report.

        Args:
            html: From our own template, which escapes every text.
        """
        self._props["html"] = html

    def clear_choice(self) -> None:
        """Mark nothing as chosen."""
        self.run_method("clear")
