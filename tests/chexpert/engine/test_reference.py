"""Agreement with the original tool's labels and with human labels, on data that may not be shipped."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coherent_cxr.chexpert import OBSERVATIONS, CheXpertLabeler

BLANK = 2
HUMAN = {
    "No Finding": ["normal"],
    "Cardiomegaly": ["Cardiomegaly"],
    "Lung Lesion": ["Mass", "Nodule"],
    "Lung Opacity": ["Infiltration"],
    "Edema": ["Edema"],
    "Consolidation": ["Consolidation"],
    "Pneumonia": ["Pneumonia"],
    "Atelectasis": ["Atelectasis"],
    "Pleural Effusion": ["Effusion"],
    "Pleural Other": ["Pleural_Thickening", "Fibrosis"],
}


def codes(labels: pd.DataFrame) -> np.ndarray:
    return labels[list(OBSERVATIONS)].astype("Int8").fillna(BLANK).to_numpy(dtype=int)


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


@pytest.mark.parametrize(
    ("name", "exact", "positive", "negative", "uncertain"),
    [
        ("findings", 0.97, 0.99, 0.99, 0.93),
        ("impressions", 0.97, 0.98, 0.98, 0.93),
        ("icu_style", 0.95, 0.98, 0.98, 0.95),
    ],
)
def test_original_rules_give_the_labels_of_the_original(
    name: str, exact: float, positive: float, negative: float, uncertain: float, shared_folder: Path
) -> None:
    table = pd.read_csv(shared_folder / "chexpert" / f"reference_{name}.csv").fillna({"text": ""})
    ours, reference = codes(CheXpertLabeler().label_many(table["text"])), codes(table)
    assert (ours == reference).all(axis=1).mean() >= exact
    for status, least in ((1, positive), (0, negative), (-1, uncertain)):
        assert f1(ours == status, reference == status) >= least


def test_reference_sentences(shared_folder: Path) -> None:
    table = pd.read_csv(shared_folder / "chexpert" / "reference_sentences.csv")
    labels = CheXpertLabeler().label_many(table["sentence"])
    ours = [labels.at[row, name] for row, name in enumerate(table["category"])]
    assert (pd.Series(ours, dtype="Int8") == table["official_label"]).mean() >= 0.97


@pytest.mark.slow
def test_corrected_rules_are_nearer_to_human_labels_than_the_original_tool(shared_folder: Path) -> None:
    folder = shared_folder / "chexpert"
    human = pd.read_csv(folder / "openi_human_labels.csv").set_index("study_id")
    references = [
        pd.read_csv(folder / f"reference_{n}.csv").set_index("id") for n in ("findings", "impressions")
    ]
    studies = human.index.intersection(references[0].index.union(references[1].index))
    references = [reference.reindex(studies) for reference in references]

    def positives(sections: list[pd.DataFrame], name: str) -> np.ndarray:
        hits = [(section[name].fillna(BLANK).astype(int) == 1).to_numpy() for section in sections]
        given = [reference["text"].notna().to_numpy() for reference in references]
        if name == "No Finding":
            return np.all([hit | ~there for hit, there in zip(hits, given, strict=True)], axis=0)
        return np.any([hit & there for hit, there in zip(hits, given, strict=True)], axis=0)

    labelled = {
        rules: [CheXpertLabeler(rules).label_many(reference["text"]) for reference in references]
        for rules in ("original", "corrected")
    }
    for name, classes in HUMAN.items():
        truth = (human.loc[studies, classes].sum(axis=1) > 0).to_numpy()
        assert truth.sum() >= 20
        theirs = f1(positives(references, name), truth)
        assert f1(positives(labelled["corrected"], name), truth) > theirs
        assert f1(positives(labelled["original"], name), truth) >= theirs - 0.015
