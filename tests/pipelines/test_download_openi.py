"""The stage download_openi fetches a publisher's archives and leaves images where they are looked for."""

import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from PIL import Image

from coherent_cxr.corpora.openi.download import DownloadOpeniConfig
from coherent_cxr.images.source import open_source
from coherent_cxr.pipelines import download_openi
from helpers.conf import read_conf
from helpers.settings import filled


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    published = tmp_path / "published"
    published.mkdir()
    with tarfile.open(published / "NLMCXR_png.tgz", "w:gz") as archive:
        for number in range(3):
            data = io.BytesIO()
            Image.fromarray(np.full((20, 20), number, dtype=np.uint8)).save(data, format="PNG")
            member = tarfile.TarInfo(f"CXR{number}_IM-0001-1001.png" if number else "../evil.png")
            member.size = len(data.getvalue())
            archive.addfile(member, io.BytesIO(data.getvalue()))
    (published / "NLMCXR_reports.tgz").write_bytes(b"reports")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(published)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_archives_become_images_that_are_found(address: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    entries = read_conf("download_openi/catalog.yml", data)
    published = read_conf("download_openi/parameters.yml", data)["download_openi"]
    for file in (published["reports"], *published["images"]):
        file["url"] = file["url"].replace("https://openi.nlm.nih.gov/imgs/collections", address)
    catalog = DataCatalog.from_config(entries)
    catalog["params:download_openi"] = filled(DownloadOpeniConfig, **published)
    SequentialRunner().run(download_openi.create_pipeline(), catalog)
    manifest, left = catalog.load("openi_download"), catalog.load("download_exclusions")
    assert Path(manifest["reports"]).read_bytes() == b"reports"
    assert manifest["images"] == 2
    assert sorted(open_source(manifest["images_root"]).files) == ["CXR1_IM-0001-1001", "CXR2_IM-0001-1001"]
    assert left[["id", "reason"]].to_numpy().tolist() == [["../evil.png", "unsafe_member"]]
    assert not (tmp_path / "evil.png").exists()
