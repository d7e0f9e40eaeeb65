"""The real Open-I radiographs are read from their archive."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.images.preparation import ImagePreparationConfig, RadiographsManifest, prepare_images
from coherent_cxr.images.source import open_source
from helpers.settings import filled

SHARED = os.environ.get("COHERENT_CXR_SHARED")
pytestmark = pytest.mark.skipif(SHARED is None, reason="COHERENT_CXR_SHARED names no folder with openi/")


@pytest.mark.slow
def test_real_radiographs_are_prepared_from_the_tar(tmp_path: Path) -> None:
    archive = Path(str(SHARED)) / "openi" / "openi_images_256.tar"
    source = open_source(archive)
    assert len(source) == 7174
    images = pd.read_csv(archive.with_name("images.csv"))
    assert images["image_id"].isin(set(source.files)).all()
    config = filled(ImagePreparationConfig, size=128, views=("frontal", "lateral"), work_dir=str(tmp_path))
    studies = images["study_id"].unique()[:100]
    manifest = RadiographsManifest(str(archive), False, "CC BY-NC-ND 4.0")
    store, exclusions, *_ = prepare_images(config, images, studies, manifest)
    assert len(store) == images["study_id"].isin(studies).sum()
    assert set(exclusions["reason"]) == {"study_without_findings"}
    # Radiographs are neither black, nor white, nor flat.
    means = store.pixels.reshape(len(store), -1).mean(axis=1)
    assert means.min() > 20
    assert means.max() < 235
    assert np.min([pixels.std() for pixels in store.pixels]) > 15
