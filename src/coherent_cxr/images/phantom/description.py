"""What a phantom shows: the labels of a report with side, zone and severity from its words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Side = Literal["right", "left"]
Zone = Literal["upper", "middle", "lower"]

MENTIONS = {
    "Enlarged Cardiomediastinum": r"mediastin",
    "Cardiomegaly": r"cardiomegaly|heart|cardiac",
    "Lung Lesion": r"nodul|mass|lesion|tumor|metasta|cancer",
    "Lung Opacity": r"opaci|densit|infiltrat|airspace|air space|scarring|marking|interstitial",
    "Edema": r"edema|congesti|failure|vascular",
    "Consolidation": r"consolidat",
    "Pneumonia": r"pneumonia|infect",
    "Atelectasis": r"atelecta|collaps",
    "Pneumothorax": r"pneumothora",
    "Pleural Effusion": r"effusion|fluid|blunting",
    "Pleural Other": r"pleural|fibrosis|apical",
    "Fracture": r"fractur",
    "Support Devices": r"",
}
SIDES: dict[str, tuple[Side, ...]] = {
    r"\bbilateral|\bboth\b|\bbibasilar|\bbibasal|\bbiapical|\bbases\b|\bapices\b": ("right", "left"),
    r"\bright\b": ("right",),
    r"\bleft\b|\blingula": ("left",),
}
ZONES: dict[str, Zone] = {
    r"upper|apex|apical|apices|suprahilar": "upper",
    r"middle|\bmid|lingula|hilar|hilum": "middle",
    r"lower|\bbase|basilar|basal|bibasilar|retrocardiac|costophrenic|infrahilar": "lower",
}
SEVERITIES = {
    r"\b(?:minimal|minimally|mild|mildly|small|tiny|trace|slight|slightly|subtle|borderline)\b": 0.7,
    r"\b(?:large|severe|severely|massive|marked|markedly|extensive|diffuse|moderately|dense)\b": 1.3,
}
DEVICES = {
    "pacemaker": r"pacemaker|pacer|\baicd|\bicd\b|defibrillator|generator|\bleads?\b|implantable",
    "port": r"\bport\b|port-a|mediport|infusaport|chemotherapy",
    "catheter": r"picc|central venous|central line|catheter|subclavian|jugular|\bij\b|dialysis",
    "wires": r"sternotomy|sternal|\bwires?\b|cabg|bypass|\bclips?\b",
    "tracheal_tube": r"endotracheal|tracheostomy|\bet tube|intubat",
    "gastric_tube": r"\bng\b|nasogastric|enteric|feeding|orogastric|dobbhoff|gastric tube",
    "chest_tube": r"chest tube|thoracostomy|pigtail|pleural drain",
    "valve": r"valve|prosthe|closure device|stent",
}
TYPICAL_ZONE: dict[str, Zone] = {
    "Atelectasis": "lower",
    "Pneumothorax": "upper",
    "Pleural Effusion": "lower",
    "Pleural Other": "upper",
    "Fracture": "middle",
}
BILATERAL = ("Edema", "Pleural Other")
UNCERTAIN = 0.6
_NEGATED = re.compile(r"\b(?:no|not|without|negative for|free of|clear of|resolved|absence of)\b[^.;]*$")


@dataclass(frozen=True)
class Finding:
    """One thing to draw.

    Attributes:
        observation: Its CheXpert label.
        side: The patient's side; the patient's right is the viewer's left.
        zone: Third of the lung, from the top.
        severity: Size and density, 1.0 is the middle; uncertain findings are fainter.
        kind: Which device, or which bone of a fracture; empty otherwise.
    """

    observation: str
    side: Side
    zone: Zone
    severity: float
    kind: str = ""


def describe(
    labels: Mapping[str, int | None], sentences: Sequence[str], rng: np.random.Generator
) -> tuple[Finding, ...]:
    """Turn a report's labels and words into the findings to draw.

    Each positive (1) or uncertain (-1) label is drawn where the sentences that affirm it say; what they leave
    open is chosen by ``rng`` as is typical for the finding.

    Args:
        labels: CheXpert label to 1, 0, -1 or None (absent); "No Finding" is ignored.
        sentences: The findings section, one readable sentence each.
        rng: Source of all choices that the words leave open.

    Returns:
        The findings, in the order of the labels.
    """
    texts = [sentence.lower() for sentence in sentences]
    findings: list[Finding] = []
    for observation, pattern in MENTIONS.items():
        status = labels.get(observation)
        if status not in (1, -1):
            continue
        certainty = 1.0 if status == 1 else UNCERTAIN
        about = [text for text in texts if _affirms(text, pattern)]
        if observation == "Support Devices":
            findings += _devices(texts, certainty, rng)
        elif observation == "Fracture":
            findings += _fractures(about, certainty, rng)
        else:
            findings += _located(observation, about, certainty, rng)
    return tuple(dict.fromkeys(findings))


def _affirms(text: str, pattern: str) -> bool:
    found = re.search(pattern, text)
    return found is not None and not _NEGATED.search(text[: found.start()])


def _located(
    observation: str, about: Sequence[str], certainty: float, rng: np.random.Generator
) -> list[Finding]:
    text = " ".join(about)
    severity = next((value for words, value in SEVERITIES.items() if re.search(words, text)), 1.0) * certainty
    places = [(side, next(iter(_zones(sentence)), None)) for sentence in about for side in _sides(sentence)]
    if not places:
        sides: tuple[Side, ...] = ("right", "left") if observation in BILATERAL else (_either(rng),)
        zone = next((zone for sentence in about for zone in _zones(sentence)), None)
        places = [(side, zone) for side in sides]
    return [
        Finding(observation, side, zone or TYPICAL_ZONE.get(observation) or _any_zone(rng), severity)
        for side, zone in dict.fromkeys(places[:4])
    ]


def _devices(texts: Sequence[str], certainty: float, rng: np.random.Generator) -> list[Finding]:
    text = " ".join(texts)
    kinds = [kind for kind, words in DEVICES.items() if re.search(words, text)] or ["catheter"]
    side: Side = next((side for sentence in texts for side in _sides(sentence)), _either(rng))
    return [
        Finding("Support Devices", "left" if kind == "pacemaker" else side, "upper", certainty, kind)
        for kind in kinds
    ]


def _fractures(about: Sequence[str], certainty: float, rng: np.random.Generator) -> list[Finding]:
    text = " ".join(about)
    kind = "clavicle" if "clavic" in text else "rib"
    sides = _sides(text) or (_either(rng),)
    zone = next(iter(_zones(text)), None) or _any_zone(rng)
    return [Finding("Fracture", side, zone, certainty, kind) for side in sides]


def _sides(text: str) -> tuple[Side, ...]:
    return tuple(
        dict.fromkeys(side for words, sides in SIDES.items() if re.search(words, text) for side in sides)
    )


def _zones(text: str) -> tuple[Zone, ...]:
    return tuple(zone for words, zone in ZONES.items() if re.search(words, text))


def _either(rng: np.random.Generator) -> Side:
    return "right" if rng.random() < 0.5 else "left"


def _any_zone(rng: np.random.Generator) -> Zone:
    return ("upper", "middle", "lower")[int(rng.integers(3))]
