"""Pages and cards as text files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coherent_cxr.datasets.text_file import TextDataset


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("<style>p {}</style><h1>A &amp;\n  B</h1><p>c</p><script>d()</script>", ["A &", "B", "c"]),
        ("# Card\n\n- a < b", ["# Card", "- a < b"]),
        ("", []),
    ],
)
def test_a_preview_holds_the_place_and_the_words(text: str, begins: list[str], tmp_path: Path) -> None:
    dataset = TextDataset(filepath=str(tmp_path / "page.html"))
    dataset.save(text)
    shown = json.loads(dataset.preview())
    assert shown == {"file": str(tmp_path / "page.html"), "begins": begins}
    assert json.loads(dataset.preview(lines=1))["begins"] == begins[:1]
