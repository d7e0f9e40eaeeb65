"""The one reader of tables: what is read, what is refused, and what a message may say."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections.abc import Hashable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coherent_cxr.inputs.tables.reading import TableError, load_table, read_table

ROWS = [("S1", "Heart is normal, lungs clear."), ("S2", 'A "small" effusion;\nunchanged.')]
EXPECTED = {"study_id": ["S1", "S2"], "report": [text for _, text in ROWS]}


def write(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def delimited(delimiter: str) -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows([("study_id", "report"), *ROWS])
    return stream.getvalue()


def read(path: Path) -> dict[Hashable, list[str]]:
    return read_table(path).to_dict("list")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t"])
def test_the_delimiter_is_the_one_of_the_header_whatever_the_name(tmp_path, delimiter, name):
    assert read(write(tmp_path / name, delimited(delimiter))) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_no_part_of_the_first_name(tmp_path, encoding):
    path = write(tmp_path / "t.csv", delimited(",").replace("small", "größere"), encoding)
    assert read(path)["report"][1] == 'A "größere" effusion;\nunchanged.'


def test_windows_text_is_read_and_said(tmp_path, caplog):
    path = write(
        tmp_path / "t.csv", "study_id,report\nS1,“Caf锑s sign – 5° tilt\n".replace("锑", "é"), "cp1252"
    )
    assert read(path)["report"] == ["“Cafés sign – 5° tilt"]
    assert "was read as Windows-1252" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"id,report\n1,\xff\xfe\n",
        b"id,report\n1,\x83\x65\n",
        "id,report\n1,é\n".encode() + "2,é\n".encode("cp1252"),
    ],
)
def test_an_encoding_that_could_only_be_guessed_is_refused(tmp_path, content):
    with pytest.raises(TableError, match=r"is not UTF-8 .line [23].*save it as UTF-8"):
        read_table(write(tmp_path / "t.csv", content))


RECORDS = [dict(zip(("study_id", "report"), row, strict=True)) for row in ROWS]
SHAPES = {
    "records": json.dumps(RECORDS),
    "lines": "\n".join(map(json.dumps, RECORDS)) + "\n\n",
    "columns": json.dumps(EXPECTED),
    "pandas columns": json.dumps({name: dict(enumerate(own)) for name, own in EXPECTED.items()}),
    "pandas split": pd.DataFrame(RECORDS).to_json(orient="split"),
    "one list under a name": json.dumps({"reports": RECORDS}),
    "one list beside what describes it": json.dumps({"model": "m", "seed": 1, "reports": RECORDS}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.csv"])
def test_json_in_the_shapes_people_use(tmp_path, shape, name):
    assert read(write(tmp_path / name, SHAPES[shape])) == EXPECTED


def test_objects_by_id_texts_by_id_and_lists_by_split(tmp_path):
    by_id = write(
        tmp_path / "a.json",
        json.dumps({"50": {"report": "x", "dicom_id": ["d1", "d2"]}, "51": {"report": None}}),
    )
    table = load_table(by_id)
    assert table.rows["id"].tolist() == ["50", "51"]
    assert table.nested == ("dicom_id",)
    assert table.rows["report"].isna().tolist() == [False, True]
    with pytest.raises(TableError, match=r"'dicom_id' of .* holds lists"):
        read_table(by_id, ["dicom_id"])
    texts = write(tmp_path / "b.json", json.dumps({"50": "x", "51": "y"}))
    assert read(texts) == {"id": ["50", "51"], "text": ["x", "y"]}
    coco = write(tmp_path / "d.json", json.dumps({"50": ["x"], "51": ["y"]}))
    assert read(coco) == {"id": ["50", "51"], "text": ["x", "y"]}
    captions = write(tmp_path / "e.json", json.dumps({"50": [{"caption": "x"}], "51": [{"caption": "y"}]}))
    assert read(captions) == {"id": ["50", "51"], "caption": ["x", "y"]}
    splits = write(
        tmp_path / "c.json",
        json.dumps({"train": [{"id": "a", "report": "x"}], "test": [{"id": "b", "report": "y"}]}),
    )
    assert read(splits) == {"split": ["train", "test"], "id": ["a", "b"], "report": ["x", "y"]}


def test_a_text_of_many_commas_is_refused_at_once(tmp_path):
    begun = time.process_time()
    with pytest.raises(TableError, match="two columns of the same name"):
        read_table(write(tmp_path / "t.txt", "The heart is normal, " * 60_000))
    assert time.process_time() - begun < 5  # counting each name over all names takes minutes


def test_a_list_of_nothing_is_said_to_hold_nothing(tmp_path):
    with pytest.raises(TableError, match="it holds no rows"):
        read_table(write(tmp_path / "t.json", "[]"), ["study_id"])


def test_parquet_and_gzip_and_numbers_become_text(tmp_path):
    frame = pd.DataFrame({"study_id": [50, 51], "weight": [1.5, None], "report": ["x", None]})
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", ["report", "study_id", "weight"])
    assert table["study_id"].tolist() == ["50", "51"]
    assert table["weight"].isna().tolist() == table["report"].isna().tolist() == [False, True]
    packed = write(tmp_path / "t.csv.gz", gzip.compress(delimited(",").encode()))
    assert read(packed) == EXPECTED


def test_bytes_of_parquet_are_text_or_no_report(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"study_id": ["1", "2"], "report": ["Clear é.".encode(), None]}).to_parquet(path)
    assert read_table(path)["report"].tolist()[0] == "Clear é."
    assert read_table(path)["report"].isna().tolist() == [False, True]
    pd.DataFrame({"study_id": ["1", "2"], "report": [b"Clear.", b"\xff\x00"]}).to_parquet(path)
    with pytest.raises(TableError, match=r"'report' .* holds lists, objects or bytes"):
        read_table(path, ("study_id", "report"))
    assert read_table(path, ("study_id",))["study_id"].tolist() == ["1", "2"]


def test_a_parquet_file_whose_pages_are_damaged_is_called_damaged(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"study_id": ["1", "2"], "report": ["Clear.", "Clear."]}).to_parquet(path)
    data = bytearray(path.read_bytes())
    data[30:60] = b"\xff" * 30
    path.write_bytes(data)
    with pytest.raises(TableError, match="is damaged") as caught:
        read_table(path)
    assert str(caught.value).endswith(".")


def test_null_words_are_missing_unless_they_are_to_stay(tmp_path):
    path = write(tmp_path / "t.csv", "id,report\n1,None\n2, \n3,nan\n4,No effusion.\n")
    assert read_table(path)["report"].isna().tolist() == [True, True, True, False]
    kept = read_table(path, keep_null_words=True)["report"]
    assert kept.isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "study_id,report\ns1,Heart is normal, lungs clear\n",
            r"Row 2 of .*line 2. has 3 fields, but the header has 2.*commas",
        ),
        ('study_id,report\nS1,"a\nb"\nS2,c,d\n', r"Row 3 of .*line 4. has 3 fields"),
        ("report\nHeart is normal, lungs clear\n", "Row 2 .* has 2 fields"),
        ("study_id;report\nS1;a;b\n", "separated by semicolons"),
        ("study_id,report\nS1\n", "has 1 fields, but the header has 2.*cut short"),
        ('study_id,report\nS1,"a', "starts in line 2 is not valid"),
        ('study_id,report\nS1,"a" b\n', "starts in line 2 is not valid"),
        ("a,b,a\n1,2,3\n", r"two columns of the same name .a."),
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("id,report\n1,a\0b\n", "NUL"),
        ("[1, 2]", "no table that is known"),
        ('{"a": [1], "b": [1, 2]}', "no table that is known"),
        ("[" * 100_000, "nested too deeply"),
        ('{"id": 1}\n{"id": }\n', "Line 2 of .* is not valid JSON"),
        (b"PK\x03\x04....", "Excel workbook"),
        (b"PAR1....", "damaged"),
        (b"\x1f\x8b\x08\x00....", "damaged|cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, content, message):
    with pytest.raises(TableError, match=message):
        read_table(write(tmp_path / "t.csv", content))


def test_a_directory_a_missing_file_and_a_cut_parquet_are_sentences(tmp_path):
    pd.DataFrame({"a": ["x"] * 50}).to_parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    write(tmp_path / "cut.parquet", whole[: len(whole) // 2])
    for name in (".", "missing.csv", "cut.parquet"):
        with pytest.raises(TableError):
            read_table(tmp_path / name)


def test_messages_quote_little_and_where_told_so_nothing(tmp_path):
    secret = "Massive effusion of Mr Smith. " * 30_000
    files = [
        write(tmp_path / "a.json", json.dumps([secret, secret])),
        write(tmp_path / "b.csv", f"id,report\n1,{secret},{secret}\n"),
        write(tmp_path / "c.csv", f"{secret}\n{secret}\n"),
        write(tmp_path / "d.json", json.dumps({secret: 1})),
        write(tmp_path / "e.jsonl", json.dumps({"report": secret}) + f'\n{{"report": "{secret}\n'),
    ]
    for path in files:
        for private in (False, True):
            with pytest.raises(TableError) as caught:
                read_table(path, ["study_id"], private=private)
            assert len(str(caught.value)) < 500 + len(str(path))
            assert "Smith" not in str(caught.value)
    other = write(tmp_path / "f.csv", "Massive effusion.,b\nx,y\n")
    with pytest.raises(TableError, match="it has 2 columns"):
        read_table(other, ["study_id"], private=True)


def test_lone_surrogates_of_json_become_a_sign_that_can_be_written(tmp_path):
    path = write(tmp_path / "t.json", '[{"id": "1", "report": "a\\ud800b"}]')
    assert read(path)["report"] == ["a�b"]


@pytest.mark.parametrize(
    "content",
    [
        '[{"\\ud800": "x", "id": "1", "report": "a"}]',
        '{"id": "1", "report": "a", "\\ud800": "x"}\n{"id": "2", "report": "b"}',
        '{"columns": ["id", "report", "\\ud800"], "data": [["1", "a", "x"]]}',
    ],
)
def test_a_lone_surrogate_in_a_column_name_is_no_end(tmp_path, content):
    assert read(write(tmp_path / "t.json", content))["report"][0] == "a"


cells = st.text(
    st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from(",;\t|\n\"'"), min_size=1, max_size=30
).filter(lambda text: text.strip() != "")


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=6), delimiter=st.sampled_from(",;\t|"))
def test_what_the_csv_module_writes_comes_back(tmp_path_factory, rows, delimiter):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows([("id", "report"), *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(stream.getvalue().encode())
    table = read_table(path, ["id", "report"], keep_null_words=True)
    assert list(table.itertuples(index=False, name=None)) == rows


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), name=st.sampled_from(["t.csv", "t.json", "t.parquet", "t.csv.gz"]))
def test_any_bytes_are_a_table_or_a_sentence(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(content)
    said = ""
    try:
        read_table(path).to_csv(path.with_name("again.csv"), index=False)
    except TableError as error:
        said = str(error)
    assert said == "" or str(path) in said
