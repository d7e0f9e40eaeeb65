"""A download is whole and verified or not there, whatever the server does meanwhile."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.corpora.download.files import DownloadError, RemoteFile, fetch
from helpers.publisher import Publisher

DATA = np.random.default_rng(0).bytes(300_000)


def _fetch(publisher: Publisher, folder: Path, **values: object) -> Path:
    file = RemoteFile(**{"url": f"{publisher.address}/collections/a.tgz", **values})
    return fetch(file, folder, attempts=3, timeout=5, wait=0.01)


def test_a_file_arrives_once_and_its_checksum_is_remembered(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["a.tgz"] = DATA
    path = _fetch(publisher, tmp_path / "raw", bytes=len(DATA), sha256=hashlib.sha256(DATA).hexdigest())
    assert path == tmp_path / "raw" / "a.tgz"
    assert path.read_bytes() == DATA
    assert _fetch(publisher, tmp_path / "raw") == path
    assert publisher.requests == [None]
    ledger = json.loads((tmp_path / "raw" / "checksums.json").read_text())
    assert ledger == {"a.tgz": hashlib.sha256(DATA).hexdigest()}
    path.write_bytes(DATA[::-1])
    with pytest.raises(DownloadError, match="delete it and download it again"):
        _fetch(publisher, tmp_path / "raw")


def test_broken_connections_are_continued_where_they_broke(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["a.tgz"] = DATA
    publisher.cuts = [100_000, 50_000, 0, 0, 120_000]
    assert _fetch(publisher, tmp_path).read_bytes() == DATA
    assert publisher.requests[:2] == [None, "bytes=100000-"]
    assert publisher.requests[-1] == "bytes=270000-"


def test_a_later_run_continues(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["a.tgz"] = DATA
    publisher.cuts = [100_000] + [0] * 9
    with pytest.raises(DownloadError, match=r"3 attempts in a row brought nothing .*a\.tgz\.part; run again"):
        _fetch(publisher, tmp_path)
    assert not (tmp_path / "a.tgz").exists()
    publisher.cuts.clear()
    assert _fetch(publisher, tmp_path).read_bytes() == DATA
    assert publisher.requests[-1] == "bytes=100000-"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.tgz.lock", "a.tgz", "checksums.json"]


def test_servers_without_ranges_and_changed_files_start_anew(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["a.tgz"] = DATA
    publisher.ranges_work = False
    publisher.cuts = [100_000]
    assert _fetch(publisher, tmp_path / "1").read_bytes() == DATA
    publisher.ranges_work = True
    publisher.cuts = [100_000, 0, 0, 0, 0]
    with pytest.raises(DownloadError):
        _fetch(publisher, tmp_path / "2")
    publisher.cuts.clear()
    publisher.files["a.tgz"], publisher.etags["a.tgz"] = DATA[::-1], '"2"'
    assert _fetch(publisher, tmp_path / "2").read_bytes() == DATA[::-1]


def test_a_part_that_is_longer_than_the_file_starts_anew(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["a.tgz"] = DATA
    (tmp_path / "a.tgz.part").write_bytes(b"x" * 400_000)
    (tmp_path / "a.tgz.validator").write_text('"1"')
    assert _fetch(publisher, tmp_path).read_bytes() == DATA


def test_busy_servers_are_asked_again_and_refusals_are_not(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["a.tgz"] = DATA
    publisher.statuses = [503, 429]
    assert _fetch(publisher, tmp_path).read_bytes() == DATA
    assert len(publisher.requests) == 3
    with pytest.raises(DownloadError, match=r"b\.tgz cannot be downloaded: the server answered 404"):
        fetch(RemoteFile(url=f"{publisher.address}/b.tgz"), tmp_path)
    assert len(publisher.requests) == 4


def test_wrong_sizes_and_checksums_are_refused(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["a.tgz"] = DATA
    with pytest.raises(DownloadError, match="has 300,000 bytes, but 5 are expected"):
        _fetch(publisher, tmp_path, bytes=5)
    with pytest.raises(DownloadError, match="SHA-256"):
        _fetch(publisher, tmp_path, sha256="0" * 64)
    assert not (tmp_path / "a.tgz").exists()


TWO = """
import sys
from pathlib import Path
from coherent_cxr.corpora.download.files import RemoteFile, fetch
print(fetch(RemoteFile(url=sys.argv[1]), Path(sys.argv[2])).stat().st_size)
"""


def test_two_runs_at_once_download_once(publisher: Publisher, tmp_path: Path) -> None:
    publisher.files["a.tgz"] = DATA
    arguments = [sys.executable, "-c", TWO, f"{publisher.address}/a.tgz", str(tmp_path)]
    runs = [subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in "12"]
    assert [run.communicate(timeout=60)[0] for run in runs] == [b"300000\n"] * 2
    assert publisher.requests == [None]


@pytest.mark.parametrize(
    "values", [{"url": "ftp://a/b"}, {"url": "http://a/"}, {"url": "http://a/b", "sha256": "1"}]
)
def test_impossible_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        RemoteFile(**values)
