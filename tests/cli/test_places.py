"""Places that cannot be written to are refused before the work, with the option to use."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from coherent_cxr.cli.places import require_writable_file, require_writable_folder


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no/such/page.png", "there is no folder"),
        ("page.doc", "its name must end in .png, .svg"),
        ("page", "its name must end in .png, .svg"),
        ("folder.png", "it is a folder"),
        ("file.svg/page.png", "there is no folder"),
    ],
)
def test_a_file_that_cannot_be(name: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file.svg").touch()
    with pytest.raises(click.ClickException, match=f"{why}.* Name another place with --here") as refused:
        require_writable_file(tmp_path / name, "--here", (".png", ".svg"))
    assert str(tmp_path / name) in refused.value.message


def test_what_can_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there.PNG").write_text("kept")
    require_writable_file(tmp_path / "there.PNG", "--here", (".png",))
    require_writable_file(tmp_path / "new.anything", "--here")
    require_writable_folder(tmp_path / "new" / "folder", "--here")
    assert (tmp_path / "there.PNG").read_text() == "kept"
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(click.ClickException, match="Name another place with --output"):
            require_writable_folder(place, "--output")
