"""The model card's head for Hugging Face's hub, and the card as the Coalition for Health AI's XML."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from defusedxml import ElementTree
from markdown_it import MarkdownIt

from coherent_cxr.serving.registration.cards.chai import NAMESPACE, chai_card
from coherent_cxr.serving.registration.cards.head import card_head, with_head
from coherent_cxr.serving.registration.selection import ModelRegistrationConfig
from helpers.settings import filled

EVIL = 'a: b\n---\n# c <d> & "e"\x00\x1b\ud800 \u2028 ]]>'
METRIC = ("MetricGoal", "Results", "Interpretation", "TestType", "TestingDataDescription")
METRIC = (*METRIC, "ValidationProcessAndJustification")
SCHEMA = {
    "BasicInfo": ("ModelName", "ModelDeveloper", "DeveloperContact"),
    "ReleaseInfo": (
        "ReleaseStage",
        "ReleaseDate",
        "ReleaseVersion",
        "GlobalAvailability",
        "RegulatoryApproval",
    ),
    "ModelSummary": ("Summary", "Keywords"),
    "UsesAndDirections": (
        *("IntendedUseAndWorkflow", "PrimaryIntendedUsers", "HowToUse", "TargetedPatientPopulation"),
        "CautionedOutOfScopeSettings",
    ),
    "Warnings": ("KnownRisksAndLimitations", "KnownBiasesOrEthicalConsiderations", "ClinicalRiskLevel"),
    "TrustIngredients": ("AISystemFacts", "TransparencyInformation"),
    "AISystemFacts": (
        *("OutcomesAndOutputs", "ModelType", "InputDataSource", "OutputAndInputDataTypes"),
        *("DevelopmentDataCharacterization", "BiasMitigationApproaches", "OngoingMaintenance", "Security"),
        "Transparency",
    ),
    "TransparencyInformation": ("FundingSource", "StakeholdersConsulted"),
    "KeyMetrics": ("UsefulnessUsabilityEfficacy", "FairnessEquity", "SafetyReliability"),
    "UsefulnessUsabilityEfficacy": METRIC,
    "FairnessEquity": METRIC,
    "SafetyReliability": METRIC,
    "MetricResult": ("Label", "ValueJson"),
    "Resources": ("EvaluationReferences", "PeerReviewedPublications", "PatientConsentOrDisclosure"),
    "Bibliography": (),
}
"""Elements of the schema v0.2 in its order, without the optional ones that are left out."""


def numbers(name: str = "mle") -> dict[str, Any]:
    return {
        "config": filled(ModelRegistrationConfig, name=name, licence="Apache-2.0"),
        "validation": {
            "candidate": name,
            "rule": name,
            "label_rules": "corrected",
            "validation_digest": name,
            "assessments": {name: {"reasons": [name]}},
            "systems": {name: {"macro_f1": 0.25, "score": math.nan}},
        },
        "test": {name: {"BLEU-4, r2gen": 0.125, "CCR corrected": 0.5, "none": None, name: math.inf}},
        "radiographs": {"drawn": True, "notice": name},
    }


def of_chai(name: str = "mle") -> Any:
    record = {"version": "3", "alias": name, "weights_digest": "ab"}
    intervals = {"BLEU-4": (0.125, 0.1, 0.15)}
    own = numbers(name)
    text = chai_card(
        own["config"],
        {name: name, "seed": 1},
        own["validation"],
        own["test"],
        intervals,
        own["radiographs"],
        record,
        "2026-11-28",
    )
    return ElementTree.fromstring(text.encode())


def test_the_head_holds_licence_tags_and_numbers():
    head = yaml.safe_load(with_head("# card", **numbers()).split("---\n")[1])
    assert (head["license"], head["pipeline_tag"], head["language"]) == ("apache-2.0", "image-to-text", "en")
    assert {"radiology", "research-only", "synthetic-images"} <= set(head["tags"])
    (model,) = head["model-index"]
    test, validation = model["results"]
    assert (model["name"], test["dataset"]["split"]) == ("mle", "test")
    assert test["metrics"] == [
        {"type": "bleu", "name": "BLEU-4, r2gen", "value": 0.125},
        {"type": "ccr_corrected", "name": "CCR corrected", "value": 0.5},
    ]
    assert validation["metrics"] == [{"type": "f1", "name": "macro_f1", "value": 0.25}]


def test_a_licence_that_the_hub_does_not_know_keeps_its_name():
    own = numbers()
    own["config"] = filled(ModelRegistrationConfig)
    head = card_head(**own)
    assert head["license"] == "other"
    assert head["license_name"] == "the weights follow the terms of their training images"


def test_without_numbers_there_is_no_index():
    own = numbers()
    own["test"], own["validation"]["systems"] = {}, {"mle": {"score": math.nan}}
    assert "model-index" not in card_head(**own)


@pytest.mark.parametrize("name", [EVIL, "- x", "no", "123", "é心"])
def test_a_hostile_name_stays_a_name(name):
    card = with_head("# card\n", **numbers(name))
    _, head, body = card.split("---\n", 2)
    loaded = yaml.safe_load(head)
    assert isinstance(loaded["model-index"][0]["name"], str)
    assert body == "\n# card\n"
    assert MarkdownIt().parse(body)[0].tag == "h1"


@pytest.mark.parametrize("name", ["mle", EVIL])
def test_the_xml_has_the_elements_of_the_schema_in_its_order(name):
    root = of_chai(name)
    assert root.tag == f"{{{NAMESPACE}}}AppliedModelCard"

    def names(parent):
        assert all(child.tag.startswith(f"{{{NAMESPACE}}}") for child in parent)
        return tuple(child.tag.rpartition("}")[2] for child in parent)

    assert names(root) == tuple(key for key in SCHEMA if key in names(root))
    assert len(names(root)) == 9
    for element in root.iter():
        kind = element.tag.rpartition("}")[2]
        if kind == "Results":
            assert set(names(element)) == {"MetricResult"}
        elif kind == "Keywords":
            assert set(names(element)) == {"Keyword"}
        elif kind in SCHEMA:
            assert names(element) == SCHEMA[kind]
        elif kind != "AppliedModelCard":
            assert not len(element)
            assert element.text, kind
    values = [json.loads(one.text) for one in root.iter(f"{{{NAMESPACE}}}ValueJson")]
    assert {"kind": "estimate_ci", "estimate": 0.125, "lower": 0.1, "upper": 0.15, "level": 95} in values
    assert {"kind": "text", "text": "Not done."} in values
