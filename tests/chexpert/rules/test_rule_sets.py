"""What the shipped rules make of wordings that no reference report has: paraphrases, notes, sampled text."""

import pytest

from coherent_cxr.chexpert import CheXpertLabeler

ORIGINAL = CheXpertLabeler()
CORRECTED = CheXpertLabeler("corrected")


@pytest.mark.parametrize(
    ("sentence", "observation", "label"),
    [
        # what sampled text looks like: repetitions, missing words, run-ons
        ("no pleural effusion or pneumothorax or pneumothorax", "Pneumothorax", 0),
        ("no no focal focal consolidation", "Consolidation", 0),
        ("the heart is is normal in size the lungs are clear no effusion", "Cardiomegaly", 0),
        ("the heart is is normal in size the lungs are clear no effusion", "Pleural Effusion", 0),
        ("cardiomediastinal silhouette is are within normal limits limits", "Enlarged Cardiomediastinum", 0),
        ("no <unk> effusion or <unk>", "Pleural Effusion", 0),
        ("no ___ effusion", "Pleural Effusion", 0),
        ("small consolidation is is suspected", "Consolidation", -1),
        ("heart size at upper limits of normal", "Cardiomegaly", 0),
        # notes
        ("pt w/ chf, b/l effusions, no ptx", "Pleural Effusion", 1),
        ("pt w/ chf, b/l effusions, no ptx", "Cardiomegaly", -1),
        ("cxr: no infiltrates/effusions", "Lung Opacity", 0),
        ("s/p removal of chest tube, no pneumothorax", "Support Devices", 0),
        ("no sign of heart failure", "Edema", 0),
        ("treat for possible pneumonia", "Pneumonia", -1),
        # wordings of the same
        ("an effusion could not be excluded", "Pleural Effusion", -1),
        ("effusion can not be entirely excluded", "Pleural Effusion", -1),
        ("no definite new consolidation", "Consolidation", -1),
        ("there is nothing to suggest pneumonia", "Pneumonia", 0),
        ("heart size is within the upper limits of normal", "Cardiomegaly", 0),
        ("heart size is poorly evaluated", "Cardiomegaly", -1),
        ("the heart is normal in size, shape and contour", "Enlarged Cardiomediastinum", 0),
        ("opacity possibly due to atelectasis", "Atelectasis", -1),
        ("chf exacerbation vs. pneumonia", "Pneumonia", -1),
        ("the left base opacity has nearly resolved", "Lung Opacity", 0),
        ("effusion or consolidation", "Consolidation", -1),
        ("no effusion, with opacity at the base", "Lung Opacity", 1),
        # a new clause ends the reach of what came before
        ("no effusion, left basal opacity is unchanged", "Lung Opacity", 1),
        ("no effusion, pneumothorax is identified", "Pneumothorax", 0),
        ("no effusion and the heart size is increased", "Cardiomegaly", 1),
        ("opacity may represent atelectasis, heart size is increased", "Cardiomegaly", 1),
        ("low volumes, right effusion is not excluded", "Pleural Effusion", -1),
    ],
)
def test_both_rule_sets_read(sentence: str, observation: str, label: int) -> None:
    assert ORIGINAL.label(sentence + ".")[observation] == label
    assert CORRECTED.label(sentence + ".")[observation] == label


@pytest.mark.parametrize(
    ("sentence", "observation", "original", "corrected"),
    [
        # of the negating and hedging words only "no" reaches a mention that describes another noun
        ("interval removal of a right picc line", "Support Devices", 1, 0),
        ("cannot exclude mass lesion", "Lung Lesion", 1, -1),
        ("no mass lesion", "Lung Lesion", 0, 0),
        # "new" guards a mention against negation
        ("no evidence of new effusion", "Pleural Effusion", 1, -1),
        ("the effusion is no longer visualized", "Pleural Effusion", 1, 0),
        ("chest film did not show any infiltrate", "Lung Opacity", 1, 0),
        ("cxr w/o infiltrate", "Lung Opacity", 1, 0),
        ("r/o pneumonia", "Pneumonia", 1, None),
        ("?pneumonia", "Pneumonia", 1, -1),
        ("unable to exclude pneumonia", "Pneumonia", 1, -1),
        ("findings are not consistent with pneumonia", "Pneumonia", 1, 0),
        ("pneumonia is less likely", "Pneumonia", 1, -1),
        ("right lower lobe collapse appears less distinct", "Atelectasis", 1, 1),
        ("there is neither effusion nor pneumothorax", "Pleural Effusion", 1, 0),
        ("the heart is not enlarged", "Cardiomegaly", 0, 0),
        ("heart is not enlarged", "Cardiomegaly", None, 0),
        ("heart is within normal limits", "Cardiomegaly", None, 0),
        ("heart size is stable", "Cardiomegaly", -1, None),
        ("heart size is enlarged, pulmonary vascularity within normal limits", "Cardiomegaly", 0, 1),
        ("the heart size and mediastinum appear grossly within normal limits", "Cardiomegaly", 1, 0),
    ],
)
def test_rule_sets_differ_where_the_original_is_wrong(
    sentence: str, observation: str, original: int | None, corrected: int | None
) -> None:
    assert ORIGINAL.label(sentence + ".")[observation] == original
    assert CORRECTED.label(sentence + ".")[observation] == corrected


@pytest.mark.parametrize("place", ["perihilar or upper lobe", "small or moderate", "residual or recurrent"])
def test_or_between_adjectives_is_no_alternative_to_the_mention(place: str) -> None:
    for labeler in (ORIGINAL, CORRECTED):
        assert labeler.label(f"{place} opacities are seen.")["Lung Opacity"] == 1
        assert labeler.label(f"no {place} opacities are seen.")["Lung Opacity"] == 0
