"""The labeller as a whole: known reports, missing and hostile input, threads, workers, cache, invariants."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler

LABELER = CheXpertLabeler()
UNCACHED = CheXpertLabeler(cache_size=0)
FRAGMENTS = (
    "no pleural effusion",
    "pneumothorax",
    "or",
    "the heart size is normal",
    ",",
    "may represent edema",
    "cannot exclude",
    "opacity",
    "without",
    "stable mediastinal contour",
    "and",
    "CHF",
    "fracture",
    "is",
    "XXXX",
    "picc line",
    '. ")',
)
SENTENCE = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=8).map(" ".join)


def labels_of(text: str, labeler: CheXpertLabeler = LABELER) -> dict[str, int | None]:
    return {name: label for name, label in labeler.label(text).items() if label is not None}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("There is a small left pleural effusion.", {"Pleural Effusion": 1}),
        (
            "No focal consolidation, pleural effusion, or pneumothorax.",
            {"No Finding": 1, "Consolidation": 0, "Pleural Effusion": 0, "Pneumothorax": 0},
        ),
        ("No effusion; opacity at the left base.", {"Pleural Effusion": 0, "Lung Opacity": 1}),
        ("The heart is normal in size.", {"No Finding": 1, "Cardiomegaly": 0}),
        ("Opacity may represent atelectasis.", {"Lung Opacity": 1, "Atelectasis": -1}),
        ("Pneumonia cannot be excluded.", {"Pneumonia": -1}),
        ("No new consolidation.", {"Consolidation": -1}),
        ("Mediastinal contours are stable.", {"Enlarged Cardiomediastinum": -1}),
        ("Findings of CHF.", {"Edema": 1, "Cardiomegaly": -1}),
        ("PICC line in place.", {"No Finding": 1, "Support Devices": 1}),
        ("Calcified granuloma.", {}),
        ("A catheter projects over the heart.", {"No Finding": 1, "Support Devices": 1}),
        ("A massive effusion.", {"Pleural Effusion": 1}),
        ("No effusion. Possible effusion. Large effusion.", {"Pleural Effusion": -1}),
        ("No effusion on the right. Large effusion on the left.", {"Pleural Effusion": 1}),
        ("Impression: no edema and consolidation", {"No Finding": 1, "Edema": 0, "Consolidation": 0}),
        ("", {"No Finding": 1}),
        ("Легкие чистые. 肺は清明。", {"No Finding": 1}),
    ],
)
def test_known_reports(text: str, labels: dict[str, int]) -> None:
    assert labels_of(text) == labels


@pytest.mark.parametrize(
    ("text", "observation", "original", "corrected"),
    [
        ("The heart size and pulmonary vascularity appear within normal limits.", "Cardiomegaly", 1, 0),
        ("No focal airspace consolidations.", "Consolidation", 1, 0),
        ("No pleural effusions or pneumothorax.", "Pneumothorax", 1, 0),
        ("No displaced rib fractures.", "Fracture", 1, 0),
        ("Heart and mediastinum of normal size and contour.", "Enlarged Cardiomediastinum", 1, 0),
        ("Degenerative endplate changes.", "Support Devices", 1, None),
        ("Platelike atelectasis.", "Support Devices", 1, None),
        ("Active tuberculosis.", "Support Devices", 1, None),
    ],
)
def test_corrected_rules_are_right_where_the_original_is_wrong(
    text: str, observation: str, original: int, corrected: int | None
) -> None:
    assert LABELER.label(text)[observation] == original
    assert CheXpertLabeler("corrected").label(text)[observation] == corrected


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, "", " \n\t"])
def test_missing_text_is_an_empty_report(missing: str | None) -> None:
    assert {k: v for k, v in LABELER.label(missing).items() if v is not None} == {"No Finding": 1}
    assert LABELER.explain(missing) == []


def test_label_many_keeps_index_order_and_types() -> None:
    texts = pd.Series(["Edema.", None, "No edema."], index=["a", "b", "c"])
    labels = LABELER.label_many(texts)
    assert list(labels.columns) == list(OBSERVATIONS)
    assert list(labels.index) == ["a", "b", "c"]
    assert set(labels.dtypes.astype(str)) == {"Int8"}
    assert labels["Edema"].tolist() == [1, pd.NA, 0]
    assert LABELER.label_many([]).shape == (0, 14)


def test_label_many_names_the_item_that_is_no_text() -> None:
    with pytest.raises(TypeError, match=r"Item 1: .* but it is 7 \(int\)"):
        LABELER.label_many(["edema", 7])


def test_explanation_points_into_the_text_as_given() -> None:
    text = "Lungs  CLEAR.No\nPneumo-thorax/Pneumothorax and 1.5 cm Nodule.."
    mentions = LABELER.explain(text)
    assert [(m.text, m.observation, m.status) for m in mentions] == [
        ("Pneumothorax", "Pneumothorax", 0),
        ("Nodule", "Lung Lesion", 1),
    ]
    assert [m.sentence for m in mentions] == [1, 2]
    for mention in mentions:
        assert text[mention.start : mention.end] == mention.text
    assert mentions[0].rule == "no X"
    assert mentions[1].rule == "no rule: positive"


def test_explanation_finds_its_place_behind_brackets_and_quotes() -> None:
    text = 'Nodule (see "above.") Edema. (No effusion.) Mass.'
    mentions = LABELER.explain(text)
    assert [m.text for m in mentions] == ["Nodule", "Edema", "effusion", "Mass"]
    assert [text[m.start : m.end] for m in mentions] == [m.text for m in mentions]


@given(st.lists(SENTENCE, max_size=4).map(". ".join) | st.text(max_size=60))
def test_spans_lie_in_the_text_and_in_one_sentence(text: str) -> None:
    ends: dict[int, int] = {}
    for mention in LABELER.explain(text):
        assert 0 <= mention.start < mention.end <= len(text)
        assert text[mention.start : mention.end] == mention.text
        assert "." not in mention.text
        assert mention.start >= max((end for s, end in ends.items() if s < mention.sentence), default=0)
        ends[mention.sentence] = max(ends.get(mention.sentence, 0), mention.end)


@given(st.lists(SENTENCE, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_order_of_sentences_does_not_matter(sentences: list[str], random: object) -> None:
    shuffled = list(sentences)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert LABELER.label(". ".join(sentences) + ".") == LABELER.label(". ".join(shuffled) + ".")


@given(st.lists(SENTENCE, max_size=4).map(". ".join))
def test_labels_follow_from_the_explanation(text: str) -> None:
    labels = LABELER.label(text)
    mentions = [m for m in LABELER.explain(text) if m.observation != "No Finding"]
    for name in set(OBSERVATIONS[1:]) - {"Cardiomegaly"}:
        statuses = {m.status for m in mentions if m.observation == name}
        expected = None
        if statuses:
            expected = statuses.pop() if len(statuses) == 1 else -1 if {0, -1} <= statuses else 1
        assert labels[name] == expected


@given(st.lists(st.text(max_size=40) | st.none(), max_size=6))
def test_cache_changes_nothing(texts: list[str | None]) -> None:
    assert LABELER.label_many(texts).equals(UNCACHED.label_many(texts))


def test_cache_is_bounded_and_counts() -> None:
    labeler = CheXpertLabeler(cache_size=10)
    for number in range(100):
        labeler.label(f"No effusion number {number}x. No edema.")
    statistics = labeler.cache_statistics
    assert statistics.hits + statistics.misses == 200
    assert statistics.size <= statistics.capacity == 10
    assert statistics.misses == 101
    assert statistics.hit_rate == pytest.approx(99 / 200)


def test_cache_size_must_not_be_negative() -> None:
    with pytest.raises(ValueError, match="-1; it must be 0"):
        CheXpertLabeler(cache_size=-1)


def test_threads_share_one_labeller() -> None:
    texts = [f"No effusion a{n % 50}. Possible edema a{n % 7}. Nodule." for n in range(2000)]
    labeler = CheXpertLabeler(cache_size=40)
    with ThreadPoolExecutor(8) as pool:
        labelled = list(pool.map(labeler.label, texts))
    assert labelled == [LABELER.label(text) for text in texts]
    assert labeler.cache_statistics.hits + labeler.cache_statistics.misses == 3 * len(texts)


def test_pickled_labeller_labels_the_same() -> None:
    labeler = CheXpertLabeler("corrected", cache_size=5)
    copy = pickle.loads(pickle.dumps(labeler))
    text = "Platelike atelectasis. No rib fractures."
    assert copy.label(text) == labeler.label(text)
    assert copy.rules == "corrected"
    assert copy.cache_statistics.capacity == 5


def test_import_brings_in_neither_torch_nor_kedro_nor_mlflow() -> None:
    code = "import sys, coherent_cxr.chexpert; print({'torch', 'kedro', 'mlflow'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


@settings(deadline=None, max_examples=5)
@given(st.text(min_size=1, max_size=20))
@pytest.mark.slow
def test_megabytes_in_one_report(unit: str) -> None:
    text = unit * (1_000_000 // len(unit)) + " . No effusion."
    assert set(LABELER.label(text)) == set(OBSERVATIONS)
