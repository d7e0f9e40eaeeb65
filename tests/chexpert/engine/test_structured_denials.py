"""What the rule set "corrected" makes of findings with their answers, and of denied lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coherent_cxr.chexpert import CheXpertLabeler
from helpers.structured_reports import MARKS, NAMES

CORRECTED = CheXpertLabeler("corrected")


ANSWERS = {
    0: [
        "none",
        "None.",
        "no",
        "No.",
        "absent",
        "Absent.",
        "negative",
        "not present",
        "Not seen.",
        "none seen",
    ],
    1: ["small", "Yes", "yes, mild", "present", "unchanged", "stable since prior", "mild", "no change"],
    -1: ["possible", "questionable", "cannot be excluded"],
}


dressed = st.sampled_from([str, str.upper, str.capitalize])


finding = st.sampled_from(sorted(NAMES))


status = st.sampled_from(sorted(ANSWERS))


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Pneumothorax: None.", {"Pneumothorax": 0}),
        ("Pneumothorax: No.", {"Pneumothorax": 0}),
        ("Pneumothorax: absent.", {"Pneumothorax": 0}),
        ("Pneumothorax: not present.", {"Pneumothorax": 0}),
        ("Pneumothorax: negative.", {"Pneumothorax": 0}),
        ("Pneumothorax: none seen.", {"Pneumothorax": 0}),
        ("Pneumothorax - none.", {"Pneumothorax": 0}),
        ("Pneumothorax | absent", {"Pneumothorax": 0}),
        ("Pleural effusion: Yes, small left.", {"Pleural Effusion": 1}),
        ("no pneumothorax, unchanged cardiomegaly", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        ("No effusion, mild edema, no pneumothorax", {"Pleural Effusion": 0, "Edema": 1, "Pneumothorax": 0}),
        ("No PTX.", {"Pneumothorax": 0}),
        ("Lack of focal consolidation.", {"Consolidation": 0}),
        ("Effusion: trace", {"Pleural Effusion": 1}),
        ("PNEUMOTHORAX: Not seen", {"Pneumothorax": 0}),
        ("Consolidation - no", {"Consolidation": 0}),
        ("Edema? No.", {"Edema": 0}),
        ("Edema? Yes, mild.", {"Edema": 1}),
        ("no effusion; stable cardiomegaly", {"Pleural Effusion": 0, "Cardiomegaly": 1}),
        ("no pneumothorax but mild edema", {"Pneumothorax": 0, "Edema": 1}),
        ("without pneumothorax, small effusion", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("Denies pneumothorax.", {"Pneumothorax": 0}),
        ("Pneumothorax: no, effusion: small", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("Pneumothorax: No Effusion: small", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("Pneumothorax: none; Effusion: small left", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("Pneumothorax\tNone", {"Pneumothorax": 0}),
        ("Pneumothorax ..... None", {"Pneumothorax": 0}),
        ("Pneumothorax ... Negative", {"Pneumothorax": 0}),
        ("Pneumothorax (none)", {"Pneumothorax": 0}),
        ("Pneumothorax: No evidence of pneumothorax.", {"Pneumothorax": 0}),
        ("Pleural effusion: No change.", {"Pleural Effusion": 1}),
        ("Pleural effusion: no significant interval change", {"Pleural Effusion": 1}),
        ("Heart size: Normal", {"Cardiomegaly": 0}),
        ("Mediastinal contours: within normal limits.", {"Enlarged Cardiomediastinum": 0}),
        ("Cardiomegaly: stable.", {"Cardiomegaly": 1}),
        ("Cardiomegaly: mild", {"Cardiomegaly": 1}),
        ("Pneumothorax: possible small apical.", {"Pneumothorax": -1}),
        ("Pneumothorax: cannot be excluded", {"Pneumothorax": -1}),
        ("Fractures: none.", {"Fracture": 0}),
        ("FRACTURE: NONE IDENTIFIED", {"Fracture": 0}),
        ("CONSOLIDATION: ABSENT", {"Consolidation": 0}),
        ("Lines and tubes: None.", {"Support Devices": 0}),
        ("Support devices: PICC line in place", {"Support Devices": 1}),
        ("Pleural effusion or pneumothorax: none", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("Effusion/pneumothorax: none", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        (
            "Consolidation, effusion, pneumothorax: none.",
            {"Consolidation": 0, "Pleural Effusion": 0, "Pneumothorax": 0},
        ),
        ("Small effusion, pneumothorax: none", {"Pleural Effusion": 1, "Pneumothorax": 0}),
        ("Small effusion, pneumothorax not seen", {"Pleural Effusion": 1, "Pneumothorax": 0}),
        ("Pleural effusion on the right: none", {"Pleural Effusion": 0}),
        ("Small right effusion - none on the left", {"Pleural Effusion": 1}),
        ("Small right effusion - no pneumothorax", {"Pleural Effusion": 1, "Pneumothorax": 0}),
        (
            "No consolidation, large pleural effusion or pneumothorax",
            {"Pneumothorax": 0, "Pleural Effusion": 0},
        ),
        (
            "No focal consolidation, small effusion or pneumothorax",
            {"Consolidation": 0, "Pleural Effusion": 0, "Pneumothorax": 0},
        ),
        ("No effusion, mild edema or pneumothorax.", {"Pneumothorax": 0, "Edema": 0}),
        ("No pneumothorax, cardiomegaly unchanged.", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        ("Negative for pneumothorax, unchanged cardiomegaly", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        ("No pneumothorax and stable cardiomegaly", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        (
            "No pneumothorax, stable cardiomegaly and small effusion",
            {"Pneumothorax": 0, "Cardiomegaly": 1, "Pleural Effusion": 1},
        ),
        (
            "No pneumothorax, persistent left effusion, stable cardiomegaly.",
            {"Pneumothorax": 0, "Pleural Effusion": 1, "Cardiomegaly": 1},
        ),
        ("Heart size and stable mediastinal contours are within normal limits.", {"Cardiomegaly": 0}),
        ("Findings: No pneumothorax, unchanged cardiomegaly", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        ("IMPRESSION: No pneumothorax", {"Pneumothorax": 0}),
        ("Pneumothorax: NONE", {"Pneumothorax": 0}),
        ("Pulmonary edema: nil", {"Edema": 0}),
        ("Atelectasis: none", {"Atelectasis": 0}),
        ("Airspace opacities: none", {"Lung Opacity": 0}),
        ("Pneumonia: No", {"Pneumonia": 0}),
        ("Pneumonia: negative", {"Pneumonia": 0}),
        ("Nodules: None seen.", {"Lung Lesion": 0}),
        ("Nodule - absent", {"Lung Lesion": 0}),
        ("no pneumothorax, worsening right pleural effusion", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("no effusion, increased opacity at the base", {"Pleural Effusion": 0, "Lung Opacity": 1}),
        ("There is no pneumothorax, stable.", {"Pneumothorax": 0}),
        ("No pneumothorax or pleural effusion, stable.", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("Edema: none, unchanged", {"Edema": 0}),
        ("Effusion: decreased", {"Pleural Effusion": 1}),
        ("Effusion: present", {"Pleural Effusion": 1}),
        ("Pleural effusion: Yes", {"Pleural Effusion": 1}),
        ("Pleural effusion: Yes, small left. Pneumothorax: No.", {"Pleural Effusion": 1, "Pneumothorax": 0}),
        ("Pleural effusion - small left, pneumothorax - none", {"Pleural Effusion": 1, "Pneumothorax": 0}),
        ("There is a lack of consolidation.", {"Consolidation": 0}),
        ("Pneumothorax — none", {"Pneumothorax": 0}),
        ("Pneumothorax – absent.", {"Pneumothorax": 0}),
        ("Pneumothorax:None", {"Pneumothorax": 0}),
        ("**Pneumothorax:** None", {"Pneumothorax": 0}),
        ("No ptx seen", {"Pneumothorax": 0}),
        ("no ptx, chest tube in place", {"Pneumothorax": 0, "Support Devices": 1}),
        ("Lines/tubes: none", {"Support Devices": 0}),
        (
            "Pleural effusion: none, pneumothorax: small right apical",
            {"Pleural Effusion": 0, "Pneumothorax": 1},
        ),
        ("Pneumothorax: none, pleural effusion: none", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("Cardiomegaly: moderate. Effusion: none", {"Cardiomegaly": 1, "Pleural Effusion": 0}),
        ("Effusions: bilateral, no change", {"Pleural Effusion": 1}),
        ("Pleural effusion: unchanged, no new effusion", {"Pleural Effusion": 1}),
        ("No pneumothorax or large effusion. Effusion: small", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("There is a small effusion: no pneumothorax.", {"Pleural Effusion": 1}),
        ("Opacity at the base, no effusion.", {"Lung Opacity": 1, "Pleural Effusion": 0}),
        ("No pneumothorax, bibasilar opacities persist", {"Pneumothorax": 0, "Lung Opacity": 1}),
        ("No pneumothorax, stable PICC line", {"Pneumothorax": 0, "Support Devices": 1}),
        (
            "No pneumothorax and unchanged position of the PICC line",
            {"Pneumothorax": 0, "Support Devices": 1},
        ),
        ("No new or worsening consolidation.", {"Consolidation": 0}),
        ("No evidence of new consolidation", {"Consolidation": -1}),
        ("No edema, worsening effusion or pneumothorax", {"Edema": 0, "Pleural Effusion": 0}),
        ("Negative for fracture, pneumothorax.", {"Fracture": 0, "Pneumothorax": 0}),
        ("No pneumothorax, possible small effusion.", {"Pleural Effusion": -1, "Pneumothorax": 0}),
        ("No pneumothorax and no effusion.", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        (
            "No significant pneumothorax, pleural effusion, or mild edema.",
            {"Pneumothorax": 0, "Pleural Effusion": 0},
        ),
        ("Mild cardiomegaly, pneumothorax absent.", {"Cardiomegaly": 1, "Pneumothorax": 0}),
        ("Stable cardiomegaly and no pneumothorax", {"Cardiomegaly": 1, "Pneumothorax": 0}),
        ("Mild pulmonary edema without effusion.", {"Edema": 1, "Pleural Effusion": 0}),
        ("Edema, mild, no effusion", {"Edema": 1, "Pleural Effusion": 0}),
        ("Lack of consolidation or pneumothorax", {"Consolidation": 0, "Pneumothorax": 0}),
        ("Effusion = none", {"Pleural Effusion": 0}),
        ("Effusion: -", {"Pleural Effusion": 0}),
        ("Effusion none", {"Pleural Effusion": 0}),
        ("Effusion no", {"Pleural Effusion": 0}),
        ("effusion negative", {"Pleural Effusion": 0}),
        ("Effusion: 0", {"Pleural Effusion": 0}),
        ("Effusion: No, resolved since prior", {"Pleural Effusion": 0}),
        ("Effusion > none", {"Pleural Effusion": 0}),
        ("Pleural effusions - None identified", {"Pleural Effusion": 0}),
        ("PLEURAL EFFUSIONS: ABSENT", {"Pleural Effusion": 0}),
        ("Pleural effusion: Not identified.", {"Pleural Effusion": 0}),
        ("Pleural effusion: not seen", {"Pleural Effusion": 0}),
        ("Pleural effusion: No definite effusion", {"Pleural Effusion": 0}),
        ("Pleural effusion is absent.", {"Pleural Effusion": 0}),
        ("Pleural effusions are not present", {"Pleural Effusion": 0}),
        ("Pleural effusion? none", {"Pleural Effusion": 0}),
        ("Pleural effusion [none]", {"Pleural Effusion": 0}),
        ("Effusion? Negative.", {"Pleural Effusion": 0}),
        ("Pneumothorax/effusion - none", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("Effusion: yes", {"Pleural Effusion": 1}),
        ("Pleural effusion: Present", {"Pleural Effusion": 1}),
        ("Pleural effusion: positive", {"Pleural Effusion": 1}),
        ("Pneumothorax: absent | Effusion: present", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        (
            "Pneumothorax - no, effusion - yes, edema - no",
            {"Pneumothorax": 0, "Pleural Effusion": 1, "Edema": 0},
        ),
        (
            "PNEUMOTHORAX: NO. EFFUSION: YES. EDEMA: NO.",
            {"Pneumothorax": 0, "Pleural Effusion": 1, "Edema": 0},
        ),
        (
            "Pneumothorax: no   Effusion: yes   Edema: no",
            {"Pneumothorax": 0, "Pleural Effusion": 1, "Edema": 0},
        ),
        (
            "Pneumothorax (no), effusion (small), edema (no)",
            {"Pneumothorax": 0, "Pleural Effusion": 1, "Edema": 0},
        ),
        ("No pneumothorax; mild edema", {"Pneumothorax": 0, "Edema": 1}),
        ("There is no pneumothorax, there is mild edema", {"Pneumothorax": 0, "Edema": 1}),
        ("No pneumothorax, but mild edema", {"Pneumothorax": 0, "Edema": 1}),
        ("No pneumothorax however mild edema", {"Pneumothorax": 0, "Edema": 1}),
        ("No pneumothorax though mild edema is present", {"Pneumothorax": 0, "Edema": 1}),
        ("No pneumothorax, minimal atelectasis", {"Pneumothorax": 0, "Atelectasis": 1}),
        ("No pneumothorax, bibasilar atelectasis unchanged", {"Pneumothorax": 0, "Atelectasis": 1}),
        ("No pneumothorax or effusion, mild atelectasis", {"Pneumothorax": 0, "Atelectasis": 1}),
        (
            "No pneumothorax or effusion, mild bibasilar atelectasis.",
            {"Pneumothorax": 0, "Pleural Effusion": 0, "Atelectasis": 1},
        ),
        ("Pneumothorax - no evidence.", {"Pneumothorax": 0}),
        ("Pneumothorax | no definite", {"Pneumothorax": 0}),
        ("Pneumothorax? No evidence.", {"Pneumothorax": 0}),
        ("Pneumothorax? not demonstrated", {"Pneumothorax": 0}),
        ("Edema? No effusion.", {"Edema": 1, "Pleural Effusion": 0}),
        ("Fracture - No acute", {"Fracture": 0}),
        ("Pneumothorax: neg", {"Pneumothorax": 0}),
        ("Pneumothorax: Neg. Effusion: small.", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("Pneumothorax | N", {"Pneumothorax": 0}),
        ("Pneumothorax - 0", {"Pneumothorax": 0}),
        ("Pneumothorax: (-)", {"Pneumothorax": 0}),
        ("Pneumothorax: nothing seen", {"Pneumothorax": 0}),
        ("Pneumothorax: ruled out", {"Pneumothorax": 0}),
        ("Pneumothorax: is not seen", {"Pneumothorax": 0}),
        ("Pneumothorax - none on this study", {"Pneumothorax": 0}),
        ("Pneumothorax, none.", {"Pneumothorax": 0}),
        ("Pneumothorax; absent", {"Pneumothorax": 0}),
        ("Pneumothorax isn't seen", {"Pneumothorax": 0}),
        ("There isn't a pneumothorax or effusion", {"Pneumothorax": 0, "Pleural Effusion": 0}),
        ("I don't see a pneumothorax", {"Pneumothorax": 0}),
        ("Cannot identify a pneumothorax.", {"Pneumothorax": 0}),
        ("Heart normal, nor is there pneumothorax", {"Pneumothorax": 0}),
        ("Lungs lack consolidation", {"Consolidation": 0}),
        ("There is lack of evidence for pneumothorax", {"Pneumothorax": 0}),
        ("Pleural effusion: no left, small right", {"Pleural Effusion": 1}),
        ("Pleural effusion: None on the right, small on the left.", {"Pleural Effusion": 1}),
        ("Pleural effusion: not changed", {"Pleural Effusion": 1}),
        ("Pleural effusion: no significant increase in size", {"Pleural Effusion": 1}),
        ("Pleural effusion: not increased", {"Pleural Effusion": 1}),
        ("Heart size: not enlarged", {"Cardiomegaly": 0}),
        ("No pneumothorax, cardiomegaly again noted", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        ("No pneumothorax, again seen cardiomegaly", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        ("No pneumothorax / unchanged cardiomegaly", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        ("No pneumothorax, tiny effusion.", {"Pneumothorax": 0, "Pleural Effusion": 1}),
        ("No pneumothorax, old rib fractures.", {"Pneumothorax": 0, "Fracture": 1}),
        ("No effusion, small-to-moderate pneumothorax", {"Pneumothorax": 1, "Pleural Effusion": 0}),
        ("No pneumothorax, borderline cardiomegaly", {"Pneumothorax": 0, "Cardiomegaly": 1}),
        ("No effusion or old fracture", {"Fracture": 0, "Pleural Effusion": 0}),
    ],
)
def test_answers_and_denied_lists(text: str, labels: dict[str, int]) -> None:
    found = CORRECTED.label(text)
    assert {name: found[name] for name in labels} == labels


@given(st.data())
def test_a_list_of_findings_and_answers_reads_as_its_entries(data: st.DataObject) -> None:
    names = data.draw(st.lists(finding, min_size=1, max_size=5, unique=True))
    labels = {name: data.draw(status) for name in names}
    mark = data.draw(st.sampled_from(MARKS[:5] + MARKS[7:]))
    text = "\n".join(
        f"{mark}{data.draw(dressed)(name)}: {data.draw(st.sampled_from(ANSWERS[label]))}"
        for name, label in labels.items()
    )
    found = CORRECTED.label(text)
    assert {name: found[NAMES[name]] for name in names} == labels, text
