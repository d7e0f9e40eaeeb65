"""Foreign texts in a model card are read as text by a real Markdown reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coherent_cxr.serving.registration.cards.markdown import code, plain

READER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
HOSTILE = [
    "<script>alert(1)</script>",
    "[click](https://example.org)",
    "![x](https://example.org/track.png)",
    "a | b\n|---|---|\n| c | d |",
    "**bold** _it_ ~~gone~~ `code`",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "+ item",
    "> quote",
    "===",
    "---",
    "```\ncode\n```",
    "[a]: https://example.org",
    "&lt;b&gt; &#35;",
    "a\\",
    "\x1b[2J\u202e",
    "<https://example.org>",
    "\ud800",
]


def _read(markdown: str) -> tuple[str, set[str]]:
    """Return the text of a paragraph and which kinds of markup were found."""
    tokens = READER.parse(markdown)
    kinds = {token.type for token in tokens} - {"paragraph_open", "paragraph_close", "inline"}
    inside = [child for token in tokens if token.type == "inline" for child in token.children or []]
    kinds |= {child.type for child in inside} - {"text", "text_special"}
    return "".join(child.content for child in inside), kinds


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_not_read(text: str) -> None:
    for markdown in (plain(text), f"- {plain(text)}", f"Rule: {plain(text)}."):
        _, kinds = _read(markdown)
        assert not kinds - {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"}
    assert plain(text).isprintable()
    assert code(text).isprintable()
    _, kinds = _read(f"x {code(text)} y")
    assert kinds == {"code_inline"}


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=40))
def test_what_is_read_is_what_was_given(text: str) -> None:
    wanted = " ".join(text.split())
    said, kinds = _read(f"x {plain(text)}")
    assert not kinds
    assert said == f"x {wanted}".rstrip()
    if wanted:
        tokens = [child for token in READER.parse(f"x {code(text)}") for child in token.children or []]
        assert tokens[-1].content == wanted


def test_a_cell_of_a_table_stays_one_cell() -> None:
    tokens = READER.parse(f"| system |\n|---|\n| {plain('a | b')} |")
    assert sum(token.type == "td_open" for token in tokens) == 1


def test_long_values_are_cut() -> None:
    assert len(plain("x" * 10_000)) <= 500
    assert len(code("x" * 10_000)) <= 502
