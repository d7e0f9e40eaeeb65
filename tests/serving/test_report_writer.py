"""One image in any form gives one report, prepared as training images are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.images.decode import UnreadableImageError, fit, read_image
from coherent_cxr.models.attention import write_with_attention
from coherent_cxr.serving.generator import ReportWriter, prepared


def test_a_report_has_text_sentences_labels_and_attention(bundle, image_file: Path):
    report = ReportWriter(bundle).write(image_file)
    assert report.text
    assert " ".join(report.sentences) == report.text
    assert list(report.labels) == list(OBSERVATIONS)
    assert report.system == "full"
    assert report.label_rules == "corrected"
    assert len(report.attention) == len(report.sentences)
    for sentence in report.attention:
        for word in sentence:
            assert word.regions.shape == (2, 2)
            assert word.regions.sum() + word.sentinel == pytest.approx(1, abs=1e-5)


def test_the_image_is_prepared_as_in_the_image_store(bundle, image_file: Path):
    report = ReportWriter(bundle, remove_repeats=False).write(image_file)
    square = fit(read_image(image_file), 64)
    np.testing.assert_array_equal(report.image, square)
    words = write_with_attention(bundle.build(), bundle.vocabulary, square)
    assert [[w.word for w in s] for s in report.attention] == [[w.word for w in s] for s in words]


def test_a_path_bytes_an_array_and_a_picture_give_the_same_report(bundle, image_file: Path):
    writer = ReportWriter(bundle)
    with Image.open(image_file) as picture:
        forms = [image_file, str(image_file), image_file.read_bytes(), np.asarray(picture), picture.copy()]
    assert len({writer.write(form).text for form in forms}) == 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_pictures_of_every_mode_become_grey(mode: str):
    levels = prepared(Image.new("RGB", (20, 30), (255, 255, 255)).convert(mode), 30)
    assert levels.shape == (30, 30)
    assert levels.dtype == np.uint8
    assert levels[:, 5:25].min() >= 254


def test_sixteen_bit_arrays_are_stretched_as_sixteen_bit_files_are(tmp_path: Path):
    levels = np.linspace(100, 4000, 40 * 30).reshape(40, 30).astype(np.uint16)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(prepared(levels, 40), fit(read_image(tmp_path / "deep.png"), 40))


def test_a_repeated_sentence_is_written_once(bundle, image_file: Path):
    every = ReportWriter(bundle, remove_repeats=False).write(image_file).sentences
    once = ReportWriter(bundle).write(image_file).sentences
    assert len(set(every)) < len(every), "the fixture's seed no longer gives a repeated sentence"
    assert once == list(dict.fromkeys(every))


def test_what_is_no_image_is_refused_with_its_reason(bundle, tmp_path: Path):
    path = tmp_path / "notes.png"
    path.write_text("not an image")
    with pytest.raises(UnreadableImageError, match="neither a PNG, a JPEG nor a DICOM"):
        ReportWriter(bundle).write(path)
    with pytest.raises(UnreadableImageError, match="no image file"):
        ReportWriter(bundle).write(tmp_path / "absent.png")
