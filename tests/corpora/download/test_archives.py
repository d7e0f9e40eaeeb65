"""Archives are unpacked whole or not at all, and never outside their folder."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from coherent_cxr.corpora.download.archives import unpack
from coherent_cxr.inputs.archives import ArchiveError


def _tar(path: Path, members: list[tuple[str, bytes, bytes]], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data, kind in members:
            member = tarfile.TarInfo(name)
            member.size, member.type = len(data), kind
            member.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            archive.addfile(member, io.BytesIO(data))
    return path


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:xz", "zip"])
def test_wanted_files_come_out_flat(tmp_path: Path, kind: str) -> None:
    members = {"NLM/a.png": b"1", "NLM/deep/b.PNG": b"22", "NLM/c.txt": b"3"}
    if kind == "zip":
        archive = _zip(tmp_path / "a.zip", members)
    else:
        regular = [(name, data, tarfile.REGTYPE) for name, data in members.items()]
        archive = _tar(tmp_path / "a.tar", regular, kind)
    unpacked = unpack(archive, tmp_path / "out", (".png",), 1000)
    assert unpacked == (tmp_path / "out", 2, [])
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "a.png": b"1",
        "b.PNG": b"22",
    }
    archive.unlink()
    assert unpack(archive, tmp_path / "out", (".png",), 1000).files == 2  # what is there is left alone


def test_unsafe_members_stay_inside_and_are_listed(tmp_path: Path) -> None:
    archive = _tar(
        tmp_path / "a.tgz",
        [
            ("../../evil.png", b"1", tarfile.REGTYPE),
            ("/evil.png", b"1", tarfile.REGTYPE),
            ("link.png", b"", tarfile.SYMTYPE),
            ("hard.png", b"", tarfile.LNKTYPE),
            ("fifo.png", b"", tarfile.FIFOTYPE),
            ("good.png", b"1", tarfile.REGTYPE),
            ("again/good.png", b"2", tarfile.REGTYPE),
        ],
    )
    unpacked = unpack(archive, tmp_path / "out", (".png",), 1000)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]
    assert (tmp_path / "out" / "good.png").read_bytes() == b"1"
    reasons = {name: reason for name, reason, _ in unpacked.exclusions}
    assert reasons.pop("again/good.png") == "duplicate_name"
    assert set(reasons.values()) == {"unsafe_member"}
    assert set(reasons) >= {"../../evil.png", "link.png", "hard.png", "fifo.png"}
    assert not list(tmp_path.parent.glob("evil.png"))


def test_traversal_in_zip_names_is_refused(tmp_path: Path) -> None:
    names = ["../evil.png", "/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png"]
    archive = _zip(tmp_path / "a.zip", {**dict.fromkeys(names, b"1"), "good.png": b"1"})
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(link, "/etc/passwd")
    unpacked = unpack(archive, tmp_path / "out", (".png",), 1000)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]
    assert len(unpacked.exclusions) == len(names) + 1


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_bombs_stop_and_leave_nothing(tmp_path: Path, kind: str) -> None:
    zeros = b"\0" * 3_000_000
    archive = (
        _zip(tmp_path / "a.zip", {"a.png": zeros})
        if kind == "zip"
        else _tar(tmp_path / "a.tgz", [("a.png", zeros, tarfile.REGTYPE)])
    )
    assert archive.stat().st_size < 10_000
    with pytest.raises(ArchiveError, match="raise max_unpacked_gb"):
        unpack(archive, tmp_path / "out", (".png",), 1_000_000)
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


@pytest.mark.parametrize("cut", [0, 20, 2000])
def test_damaged_archives_leave_nothing(tmp_path: Path, cut: int) -> None:
    noise = bytes(range(256)) * 40
    archive = _tar(tmp_path / "a.tgz", [(f"{n}.png", noise[n:], tarfile.REGTYPE) for n in range(50)])
    archive.write_bytes(archive.read_bytes()[: cut or None][:cut] if cut else b"")
    with pytest.raises(ArchiveError, match="download it again"):
        unpack(archive, tmp_path / "out", (".png",), 10_000_000)
    assert not (tmp_path / "out").exists()
