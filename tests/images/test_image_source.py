"""Images are found by name in folders and archives, whose bytes agree."""

import tarfile
from pathlib import Path

import pytest

from coherent_cxr.images.source import ImageSourceError, open_source
from helpers.image_corpus import add_member, write_folder, write_tar


def test_folder_tar_and_tgz_give_the_same_bytes(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 7)
    roots = [
        tmp_path / "png",
        write_tar(tmp_path / "png", tmp_path / "a.tar"),
        write_tar(tmp_path / "png", tmp_path / "a.tgz", "w:gz"),
    ]
    asked = images["image_id"].tolist()[1:]
    contents = []
    for root in roots:
        source = open_source(root)
        assert len(source) == 7
        assert "CXR0_0" in source
        contents.append(dict(source.read(asked)))
    assert sorted(contents[0]) == sorted(asked)
    assert contents[0] == contents[1] == contents[2]
    assert contents[0]["CXR1_0"] == (tmp_path / "png" / "CXR1_0.png").read_bytes()
    assert open_source(roots[0]).digest == open_source(roots[1]).digest == open_source(roots[2]).digest


def test_nested_folders_and_jpeg_endings_are_found_and_other_files_passed_over(tmp_path: Path) -> None:
    (tmp_path / "p10" / "s1").mkdir(parents=True)
    for name in ("a.PNG", "p10/b.jpg", "p10/s1/c.jpeg", "notes.txt", ".hidden.png", "p10/with space.png"):
        (tmp_path / name).write_bytes(b"x")
    assert sorted(open_source(tmp_path).files) == ["a", "b", "c"]


def test_hostile_members_are_passed_over(tmp_path: Path) -> None:
    write_folder(tmp_path / "png", 1)
    archive = write_tar(tmp_path / "png", tmp_path / "a.tar")
    add_member(archive, "../../outside.png", b"outside")
    add_member(archive, "images/link.png", b"", tarfile.SYMTYPE)
    add_member(archive, "images/..png", b"dots")
    source = open_source(archive)
    # Nothing is unpacked, so a path that leads outside is only a name.
    assert sorted(source.files) == ["CXR0_0", "outside"]
    assert not (tmp_path.parent / "outside.png").exists()


@pytest.mark.parametrize("ending", ["tar", "tgz"])
def test_first_of_two_files_with_one_name_counts(
    tmp_path: Path, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_folder(tmp_path / "png", 2)
    archive = write_tar(tmp_path / "png", tmp_path / "a.tar")
    add_member(archive, "images/CXR0_0.png", b"again")
    if ending == "tgz":
        import gzip

        archive = tmp_path / "a.tgz"
        archive.write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
    source = open_source(archive)
    assert dict(source.read(["CXR0_0"]))["CXR0_0"] == (tmp_path / "png" / "CXR0_0.png").read_bytes()
    assert "1 files" in caplog.text


def test_reading_nothing_yields_nothing(tmp_path: Path) -> None:
    write_folder(tmp_path / "png", 2)
    assert list(open_source(write_tar(tmp_path / "png", tmp_path / "a.tgz", "w:gz")).read([])) == []


def test_missing_place_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ImageSourceError, match=r"nowhere; set fabrication\.images_root"):
        open_source(tmp_path / "nowhere")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(ImageSourceError, match="neither a folder nor"):
        open_source(tmp_path / "a.zip")


@pytest.mark.parametrize("name", ["a.tar", "a.tgz"])
def test_damaged_archives_are_refused(tmp_path: Path, name: str) -> None:
    write_folder(tmp_path / "png", 20)
    archive = write_tar(tmp_path / "png", tmp_path / name, "w:gz" if name.endswith("tgz") else "w")
    archive.write_bytes(archive.read_bytes()[:9_000])
    with pytest.raises(ImageSourceError, match=r"is damaged .* download it again"):
        open_source(archive)


@pytest.mark.parametrize("name", ["png", "a.tar", "a.tgz"])
def test_files_named_as_kaggle_does_are_found_by_the_reports_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "png"
    folder.mkdir()
    for stem in ("1_IM-0001-4001.dcm", "2_IM-0652-1001", "CXR3_IM-1"):
        (folder / f"{stem}.png").write_bytes(stem.encode())
    if name != "png":
        write_tar(folder, tmp_path / name, "w:gz" if name.endswith("tgz") else "w")
    source = open_source(tmp_path / name)
    wanted = ["CXR1_1_IM-0001-4001", "CXR2_IM-0652-1001", "CXR3_IM-1", "CXR4_IM-1"]
    assert source.adopt(wanted) == 2
    assert set(source.files) == set(wanted[:3])
    assert dict(source.read(wanted[:2])) == {wanted[0]: b"1_IM-0001-4001.dcm", wanted[1]: b"2_IM-0652-1001"}


def test_linked_folders_are_read_and_circles_end(tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", 3)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "files").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "root")
    source = open_source(tmp_path / "root")
    assert sorted(source.files) == ["CXR0_0", "CXR0_1", "CXR1_0"]
    assert dict(source.read(["CXR1_0"]))["CXR1_0"] == (tmp_path / "elsewhere" / "CXR1_0.png").read_bytes()


@pytest.mark.parametrize("kind", ["folder", "a.tar", "a.tgz"])
def test_images_without_an_ending_are_told_by_their_start(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "png"
    folder.mkdir()
    files = {
        "CXR1_1_IM-0001-4001": b"\0" * 128 + b"DICM and more",
        "1.2.840.113654.2.55": b"\0" * 128 + b"DICM",
        "picture": b"\x89PNG\r\n\x1a\n and more",
        "photo": b"\xff\xd8\xff\xe0 and more",
        "README": b"read me",
        "empty": b"",
        "notes.txt": b"\xff\xd8\xff",
        "a.png": b"whatever",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    root = (
        folder if kind == "folder" else write_tar(folder, tmp_path / kind, "w" if kind == "a.tar" else "w:gz")
    )
    source = open_source(root)
    found = ["1.2.840.113654.2.55", "CXR1_1_IM-0001-4001", "a", "photo", "picture"]
    assert sorted(source.files) == found
    assert [name for name in found if source.is_dicom(name)] == found[:2]
    assert dict(source.read(["picture"])) == {"picture": files["picture"]}


@pytest.mark.parametrize("kind", ["folder", "a.tar", "a.tgz"])
def test_r2gens_tree_is_found_by_the_reports_names(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "images"
    for name in ("CXR1_1_IM-0001/0.png", "CXR1_1_IM-0001/1.png", "CXR2_IM-0652/1.png", "CXR2_IM-0652/0.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (folder / "CXR2_IM-0652" / "0.txt").write_bytes(b"no image")
    root = (
        folder if kind == "folder" else write_tar(folder, tmp_path / kind, "w" if kind == "a.tar" else "w:gz")
    )
    source = open_source(root)
    assert len(source) == 4
    frontal_first = ["CXR1_1_IM-0001-4001", "CXR2_IM-0652-1001", "CXR1_1_IM-0001-3001", "CXR3_IM-1-1001"]
    assert source.adopt(frontal_first) == 3
    assert dict(source.read(frontal_first[:3])) == {
        "CXR1_1_IM-0001-4001": b"CXR1_1_IM-0001/0.png",
        "CXR1_1_IM-0001-3001": b"CXR1_1_IM-0001/1.png",
        "CXR2_IM-0652-1001": b"CXR2_IM-0652/0.png",
    }
    assert source.numbered == set(frontal_first[:3])
    assert set(source.files) - source.numbered == {"CXR2_IM-0652/1"}


def test_packed_images_with_wrong_bytes_are_refused_before_any_is_used(tmp_path: Path) -> None:
    write_folder(tmp_path / "png", 20)
    archive = write_tar(tmp_path / "png", tmp_path / "a.tgz", "w:gz")
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 255
    archive.write_bytes(data)
    with pytest.raises(ImageSourceError, match="download it again"):
        open_source(archive)
