"""YAML that users write is read whole or refused in a sentence, by every reader of it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coherent_cxr.chexpert import CheXpertLabeler
from coherent_cxr.chexpert.rules.checks import RuleFileError
from coherent_cxr.corpora.sections.sectioning import Sectioner, SectionRuleError
from coherent_cxr.inputs.yaml_files import MAX_BYTES, YamlFileError, read_mapping, read_yaml

BILLION = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
BAD = {
    "unfinished": b"rules: {negation: [",
    "no colon": b"lexicon:\nabc\nb: c\n",
    "deep list": b"[" * 50_000,
    "deep mapping": b'{"a":' * 50_000,
    "deep block": b"- " * 50_000 + b"a\n",
    "a little too deep": b"[" * 101 + b"]" * 101,
    "month 13": b"description: 2001-13-45\n",
    "hours 99": b"description: 2001-01-01 99:99:99\n",
    "an unhashable key": b"? [a, b]\n: c\n? {d: e}\n: f\n",
    "an alias of nothing": b"rules: *nobody\n",
    "a tag that makes objects": b"rules: !!python/object/apply:os.system [ls]\n",
    "two documents": b"a: 1\n---\nb: 2\n",
    "holds itself": b"rules: &me [*me]\n",
    "a billion": BILLION.encode(),
    "zero bytes": b"rules: \0\n",
    "UTF-16": "rules: [a]".encode("utf-16"),
    "Latin": b"description: \xe4\n",
    "too large": b"#" * (MAX_BYTES + 1),
    "octal nonsense": b"description: 0x\n: : :\n",
    "escape": b'description: "\x1b[2J"\n',
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_in_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.yml"
    path.write_bytes(BAD[kind])
    with pytest.raises(YamlFileError) as caught:
        read_yaml(path)
    told = str(caught.value)
    assert told.endswith(".")
    assert told.isprintable()
    assert len(told) < 400
    for error, read in ((RuleFileError, CheXpertLabeler), (SectionRuleError, Sectioner)):
        with pytest.raises(error) as refused:
            read(path)
        assert told in str(refused.value)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="&*a:-[]{}!? \n\"'#|>%0x.", max_size=60).map(str.encode))
def test_whatever_stands_in_a_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_bytes(data)
    try:
        read_yaml(path)
    except YamlFileError as error:
        assert str(error).endswith(".")  # noqa: PT017 - a file may be readable
        assert "\n" not in str(error)  # noqa: PT017


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.yml", tmp_path / "a\0b"):
        with pytest.raises(YamlFileError, match="cannot be read"):
            read_yaml(path)


def test_lists_within_lists_are_read(tmp_path: Path) -> None:
    path = tmp_path / "deep.yml"
    path.write_text("[" * 100 + "]" * 100)
    content = read_yaml(path)
    for _ in range(99):
        (content,) = content
    assert content == []


def test_a_mapping_is_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.yml"
    for content, told in (("- a\n", "'a'"), ("1", "1"), ("1: a\n", "{1: 'a'}")):
        path.write_text(content)
        with pytest.raises(YamlFileError, match="must be a mapping of names") as caught:
            read_mapping(path)
        assert told in str(caught.value)
    path.write_text("# nothing yet\n")
    assert read_mapping(path) == {}
    path.write_text("\ufeffa: &x [1]\nb: *x\n", encoding="utf-8")
    assert read_mapping(path) == {"a": [1], "b": [1]}


SECTIONS = "sections: {findings: [findings]}\npatterns: {}\none_paragraph: []\naside: {}\nfinal: []\n"


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ("sections: 5", "sections"),
        ("sections: [findings]", "sections"),
        ("sections: {findings: findings}", "sections.findings"),
        ("sections: {findings: [1]}", "sections.findings.0"),
        ("sections: {1: [findings]}", "sections"),
        ("patterns: null", "patterns"),
        ("patterns: {findings: '.*'}", "patterns.findings"),
        ("patterns: {findings: [null]}", "patterns.findings.0"),
        ("one_paragraph: 3", "one_paragraph"),
        ("aside: [a]", "aside"),
        ("aside: {addendum: 1}", "aside.addendum"),
        ("final: final", "final"),
        ("structures: {heart: 1}", "structures"),
        ("nothing: [no, 1]", "nothing.0"),
        ("examinations: {}", "examinations.section"),
        ("examinations: {section: findings, nouns: 1, words: [], never: []}", "examinations.nouns"),
        ("examinations: [a]", "examinations"),
    ],
)
def test_section_rules_of_another_shape_are_refused_with_the_place(
    tmp_path: Path, changed: str, place: str
) -> None:
    path = tmp_path / "mine.yml"
    kept = [line for line in SECTIONS.splitlines() if not changed.startswith(line.partition(":")[0] + ":")]
    path.write_text("\n".join([*kept, changed]))
    with pytest.raises(SectionRuleError, match=f"'{place}") as caught:
        Sectioner(path)
    assert str(caught.value).endswith(".")
    path.with_name("good.yml").write_text(SECTIONS)
    assert Sectioner(path.with_name("good.yml")).split("FINDINGS: Clear.") == {"findings": "Clear."}
