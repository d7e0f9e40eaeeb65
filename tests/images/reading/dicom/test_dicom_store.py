"""DICOM files are decoded in processes; what is odd about them becomes a note, what kills a decoder a row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.images.building import build_store
from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest, prepare_images
from coherent_cxr.images.reading import decoding_workers
from coherent_cxr.images.reading.decode import fit, read_image
from coherent_cxr.images.source import open_source
from helpers import crashing_decoder
from helpers.dicom_files import RAMP_12_BIT, dataset, written
from helpers.image_corpus import write_folder
from helpers.settings import filled


@pytest.fixture
def corpus(tmp_path: Path) -> pd.DataFrame:
    """Four DICOM files, the second cut off, the third with a name in it, and a PNG."""
    images = write_folder(tmp_path / "files", 1)
    for number in range(4):
        tags = {"PatientName": "Doe^Jane"} if number == 2 else {}
        data = written(dataset(np.roll(RAMP_12_BIT, 100 * number), **tags))
        folder = tmp_path / "files" / "p10" / f"s{number}"
        folder.mkdir(parents=True)
        (folder / f"D{number}.dcm").write_bytes(data[:-2000] if number == 1 else data)
    rows = pd.DataFrame({"image_id": [f"D{n}" for n in range(4)], "study_id": [f"s{n}" for n in range(4)]})
    return pd.concat([images, rows.assign(view="frontal", view_source="test")], ignore_index=True)


def test_dicom_and_png_share_a_store_and_notes_name_no_one(tmp_path: Path, corpus: pd.DataFrame) -> None:
    manifest = RadiographsManifest(str(tmp_path / "files"), False, "a licence")
    config = filled(ImagePreparationConfig, size=64, work_dir=str(tmp_path / "work"), workers=2)
    store, exclusions, notes, *_ = prepare_images(config, corpus, corpus["study_id"], manifest)
    assert sorted(store.index["image_id"]) == ["CXR0_0", "D0", "D2", "D3"]
    for number in (0, 2, 3):
        whole = read_image(tmp_path / "files" / "p10" / f"s{number}" / f"D{number}.dcm")
        np.testing.assert_array_equal(store.pixels[store.row_of(f"D{number}")], fit(whole, 64))
    assert dict(zip(exclusions["id"], exclusions["reason"], strict=True)) == {
        "D1": "truncated_image",
        "s1": "study_without_image",
    }
    assert notes[["id", "note"]].to_numpy().tolist() == [["D2", "identifying_tags"]]
    for path in (tmp_path / "work").rglob("*"):
        assert not path.is_file() or b"Doe" not in path.read_bytes(), path
    again = prepare_images(config, corpus, corpus["study_id"], manifest)
    assert again[0].digest == store.digest
    pd.testing.assert_frame_equal(again[2], notes)


def test_a_decoder_that_crashes_costs_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding_workers, "decode_batch", crashing_decoder.decode_batch)
    monkeypatch.setattr(decoding_workers, "BATCH", 3)
    tasks = [
        (f"I{number}", number, crashing_decoder.POISON if number == 4 else b"fine") for number in range(10)
    ]
    decoded = [
        one
        for batch in decoding_workers.decode_all(tasks, tmp_path / "pixels.npy", 1, in_processes=True)
        for one in batch
    ]
    assert [one.image_id for one in decoded] == [f"I{number}" for number in range(10)]
    assert [one.image_id for one in decoded if one.reason == "decoder_crashed"] == ["I4"]


def test_a_store_rebuilt_in_one_process_is_whole(tmp_path: Path) -> None:
    images = write_folder(tmp_path / "png", 4)
    store, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    for path in store.folder.iterdir():
        path.unlink()
    again, _ = build_store(images, open_source(tmp_path / "png"), 32, tmp_path / "work")
    assert again.digest == store.digest
    again.verify()
