"""Pages and cards as text files."""

from __future__ import annotations

import html
import json
import re

from kedro_datasets import text as kedro_text
from kedro_datasets._typing import JSONPreview

from coherent_cxr.datasets.whole import WholeDataset


class TextDataset(WholeDataset[str, str], kedro_text.TextDataset):
    """Kedro's text file, written atomically."""

    def preview(self, lines: int = 20) -> JSONPreview:
        """Return the file's path and its first lines without markup, as Kedro-Viz shows no HTML.

        Args:
            lines: How many lines with words.
        """
        text = re.sub(r"(?is)<(style|script|svg)\b.*?</\1>|<[^>]*>", "\n", self.load())
        words = [" ".join(line.split()) for line in html.unescape(text).splitlines()]
        shown = [line for line in words if line][:lines]
        return JSONPreview(json.dumps({"file": str(self._get_load_path()), "begins": shown}, indent=2))
