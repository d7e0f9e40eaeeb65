"""The Open-I collection: the real archive, folders, and files that are broken or hostile."""

from __future__ import annotations

import io
import tarfile
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from coherent_cxr.corpora.openi.loader import CorpusError, infer_views, parse_openi
from coherent_cxr.corpora.sections.sectioning import Sectioner

REPORT = """<?xml version="1.0"?>
<eCitation><uId id="{study}"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="INDICATION"/>
<AbstractText Label="FINDINGS">The <i>heart</i> is
normal.</AbstractText>
<AbstractText Label="IMPRESSION">Normal.</AbstractText>
</Abstract></Article></MedlineCitation>
<parentImage id="{study}_IM-1-1001"/><parentImage id="{study}_IM-1-2001"/>
<parentImage id="{study}_IM-1-2001"/>
</eCitation>"""
BOMB = """<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>
<eCitation><uId id="CXR9"/>&b;</eCitation>"""


def test_the_real_archive_is_read_whole(openi):
    assert len(openi.studies) + len(openi.exclusions) == 3955
    assert openi.studies["findings"].notna().sum() == 3425
    assert len(openi.images) == 7470
    assert openi.images["image_id"].is_unique
    assert openi.studies["study_id"].is_unique
    assert set(openi.images["study_id"]) <= set(openi.studies["study_id"])
    assert list(openi.images.columns) == ["image_id", "study_id", "view", "view_source"]


def test_a_real_report_keeps_its_sections(openi):
    first = openi.studies.set_index("study_id").loc["CXR1"]
    assert first["findings"].startswith(
        "The cardiac silhouette and mediastinum size are within normal limits."
    )
    assert first["impression"] == "Normal chest x-XXXX."
    assert first["indication"] == "Positive TB test"


def test_views_of_the_real_images_are_mostly_right(openi, shared_folder):
    """The rule's accuracy, as docs state it; the reference views are about 99.9 % right."""
    truth = pd.read_csv(shared_folder / "openi" / "images.csv")
    both = truth.merge(openi.images, on="image_id", suffixes=("_true", ""))
    right = both["view_true"] == both["view"]
    assert right[both["view_source"] == "dicom"].mean() > 0.985
    assert right.mean() > 0.935


def write(folder: Path, files: dict[str, str]) -> str:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return str(folder)


def test_a_bad_file_is_an_exclusion_and_the_rest_is_read(tmp_path):
    place = write(
        tmp_path / "reports",
        {
            "1.xml": REPORT.format(study="CXR1"),
            "2.xml": REPORT.format(study="CXR2")[:200],
            "3.xml": "",
            "4.xml": BOMB,
            "5.xml": "<eCitation><pmcId id='5'/></eCitation>",
            "10.xml": REPORT.format(study="CXR1"),
            "notes.txt": "no report",
        },
    )
    (tmp_path / "reports" / "6.xml").write_bytes(b"\xff\xfe\x00broken\x00")
    corpus = parse_openi(place, None, None)
    assert corpus.studies["study_id"].tolist() == ["CXR1"]
    assert corpus.studies.loc[0, "findings"] == "The heart is\nnormal."
    assert pd.isna(corpus.studies.loc[0, "indication"])
    assert dict(zip(corpus.exclusions["id"], corpus.exclusions["reason"], strict=True)) == {
        "2.xml": "broken_xml",
        "3.xml": "empty_file",
        "4.xml": "forbidden_xml",
        "5.xml": "no_study_id",
        "6.xml": "broken_xml",
        "10.xml": "duplicate_study",
    }
    assert corpus.images["image_id"].tolist() == ["CXR1_IM-1-1001", "CXR1_IM-1-2001"]


def test_a_report_of_absurd_size_is_an_exclusion(tmp_path):
    place = write(
        tmp_path / "reports", {"1.xml": "<a>" + "x" * 5_000_001, "2.xml": REPORT.format(study="CXR2")}
    )
    assert parse_openi(place, None, None).exclusions["reason"].tolist() == ["file_too_large"]


def test_an_archive_named_by_the_user_is_read_without_unpacking(tmp_path):
    archive = tmp_path / "reports.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("../../escape/7.xml", "a/8.xml"):
            data = REPORT.format(study=f"CXR{Path(name).stem}").encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("9.xml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert parse_openi(str(archive), None, None).studies["study_id"].tolist() == ["CXR7", "CXR8"]
    assert [path.name for path in tmp_path.iterdir()] == ["reports.tgz"]


def test_places_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"nothing at .*absent.*report_parsing.reports"):
        parse_openi(str(tmp_path / "absent"), None, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="no XML reports"):
        parse_openi(str(tmp_path / "empty"), None, None)
    damaged = tmp_path / "damaged.tgz"
    damaged.write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(CorpusError, match=r"damaged\.tgz.*download it again"):
        parse_openi(str(damaged), None, None)


def test_the_view_rule():
    images = pd.DataFrame(
        {
            "image_id": list("abcdefgh"),
            "study_id": ["1", "1", "2", "2", "3", "3", "4", "5"],
        }
    )
    position = ["", "", "AP", "PA", "LL", "", "PA", "PA"]
    orientation = ["", "", "", "['L', 'F']", "", "['L', 'F']", "", "['A', 'F']"]
    assert infer_views(images, position, orientation) == [
        ("frontal", "rule"),
        ("lateral", "rule"),
        ("frontal", "dicom"),
        ("lateral", "rule"),
        ("lateral", "dicom"),
        ("frontal", "rule"),
        ("frontal", "dicom"),
        ("lateral", "dicom"),
    ]


def test_a_view_file_is_believed_first(tmp_path):
    place = write(tmp_path / "reports", {"1.xml": REPORT.format(study="CXR1")})
    views = tmp_path / "views.csv"
    views.write_text("image_id,view\nCXR1_IM-1-1001,lateral\n")
    images = parse_openi(place, None, str(views)).images
    assert images[["view", "view_source"]].to_numpy().tolist() == [["lateral", "file"], ["lateral", "rule"]]
    views.write_text("image_id,view\nCXR1_IM-1-1001,\nCXR1_IM-1-1002,N/A\n")  # no view given for either
    assert parse_openi(place, None, str(views)).images["view_source"].tolist() == ["rule", "rule"]
    views.write_text("image_id,view\nCXR1_IM-1-1001,oblique\n")
    with pytest.raises(CorpusError, match="'oblique' for 'CXR1_IM-1-1001'"):
        parse_openi(place, None, str(views))
    views.write_text("image,view\n")
    with pytest.raises(CorpusError, match="needs the columns image_id and view"):
        parse_openi(place, None, str(views))


def test_terms_are_taken_apart(tmp_path):
    mesh = (
        "<MeSH><major>Cardiomegaly/mild</major><major>Opacity/lung/base/left</major><major> normal </major>"
        "<major>Cardiomegaly/mild</major><major/><automatic>opacity</automatic></MeSH></eCitation>"
    )
    place = write(tmp_path / "reports", {"1.xml": REPORT.format(study="CXR1").replace("</eCitation>", mesh)})
    terms = parse_openi(place, None, None).mesh_terms
    assert list(terms.columns) == ["study_id", "term", "heading", "qualifiers"]
    assert terms.to_numpy().tolist() == [
        ["CXR1", "Cardiomegaly/mild", "Cardiomegaly", "mild"],
        ["CXR1", "Opacity/lung/base/left", "Opacity", "lung/base/left"],
        ["CXR1", "normal", "normal", ""],
    ]


def test_the_real_terms(openi):
    terms = openi.mesh_terms
    assert terms["study_id"].nunique() == 3955
    assert (terms["term"] == "normal").sum() == 1391
    assert (terms["term"] == "Opacity/lung/base/left").sum() == 46
    assert not terms.duplicated().any()


def test_findings_that_say_nothing_are_missing_and_layout_is_kept(tmp_path):
    silent = REPORT.replace("The <i>heart</i> is\nnormal.", " N/A ").replace(">Normal.<", ">None.<")
    listed = REPORT.replace("The <i>heart</i> is\nnormal.", "\n  - Heart:  normal\n\n\n  - No effusion\n")
    place = write(
        tmp_path / "reports", {"1.xml": silent.format(study="CXR1"), "2.xml": listed.format(study="CXR2")}
    )
    studies = parse_openi(place, None, None).studies.set_index("study_id")
    assert studies.loc["CXR1", ["findings", "impression"]].isna().all()
    assert studies.loc["CXR1", "comparison"] == "None."
    assert studies.loc["CXR2", "findings"] == "- Heart: normal\n\n- No effusion"


@pytest.mark.slow
def test_hostile_and_old_files_are_a_row_or_an_exclusion(tmp_path):
    place = Path(write(tmp_path / "reports", {"1.xml": REPORT.format(study="CXR1")}))
    old = REPORT.replace('<?xml version="1.0"?>', "").replace("heart", "caf\u00e9")
    (place / "2.xml").write_bytes(old.format(study="CXR2").encode("cp1252"))
    (place / "3.xml").write_bytes(REPORT.format(study="CXR3").encode("utf-16"))
    (place / "4.xml").write_text("<a>" * 200_000)
    (place / "5.xml").write_text("<a>" * 200_000 + "</a>" * 200_000)
    (place / "6.xml").write_text('<eCitation><uId id="CXR&#xD800;"/></eCitation>')
    (place / "7.xml").write_text('<eCitation><uId id="CXR\x85&#x202E;7"/></eCitation>')
    (place / "8.xml").write_text('<?xml version="1.0" encoding="no-such"?><eCitation/>')
    (place / "9\x1b[2J.xml").write_text("")
    (place / "10.xml").mkdir()
    (place / "linked").symlink_to(tmp_path / "elsewhere")
    write(tmp_path / "elsewhere", {"11.xml": REPORT.format(study="CXR11")})
    (tmp_path / "elsewhere" / "back").symlink_to(place)
    corpus = parse_openi(str(place), None, None)
    assert corpus.studies["study_id"].tolist() == ["CXR1", "CXR2", "CXR3", "CXR11"]
    assert corpus.studies.loc[1, "findings"] == "The caf\u00e9 is\nnormal."
    assert dict(zip(corpus.exclusions["id"], corpus.exclusions["reason"], strict=True)) == {
        "4.xml": "broken_xml",
        "5.xml": "no_study_id",
        "6.xml": "broken_xml",
        "7.xml": "no_study_id",
        "8.xml": "broken_xml",
        r"9\x1b[2J.xml": "empty_file",
    }


def test_an_archive_with_wrong_bytes_is_one_sentence(tmp_path):
    archive = tmp_path / "reports.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for number in range(300):
            data = REPORT.format(study=f"CXR{number}").encode()
            member = tarfile.TarInfo(f"{number}.xml")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    whole = archive.read_bytes()
    for place in (40, len(whole) // 2, len(whole) - 6):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with pytest.raises(CorpusError, match=r"reports\.tgz.*download it again"):
            parse_openi(str(archive), None, None)


@pytest.mark.slow
def test_real_texts_written_as_free_text_are_split_as_they_were(openi):
    """3,425 findings of real reports come back word for word, wrapped or not."""
    sectioner = Sectioner()
    told = openi.studies.dropna(subset="findings")
    for text in told["findings"]:
        for width in (10_000, 75):
            wrapped = textwrap.fill(text, width, break_on_hyphens=False, break_long_words=False)
            parts = sectioner.split(f" FINDINGS:  {wrapped}\n\n IMPRESSION: Well.\n")
            assert " ".join(parts["findings"].split()) == text
            assert parts["impression"] == "Well."
