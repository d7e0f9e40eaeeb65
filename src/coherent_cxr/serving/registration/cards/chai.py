"""The model card as the Coalition for Health AI's Applied Model Card: XML by its schema v0.2."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from coherent_cxr import __version__
from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.serving.outputs.characters import storable
from coherent_cxr.serving.registration.selection import REFERENCE, ModelRegistrationConfig

NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"
NOT_DONE = "Not done."
PAPER = (
    "@inproceedings{liu2019clinically, title={Clinically Accurate Chest X-Ray Report Generation}, "
    "author={Liu, Guanxiong and Hsu, Tzu-Ming Harry and McDermott, Matthew and Boag, Willie and "
    "Weng, Wei-Hung and Szolovits, Peter and Ghassemi, Marzyeh}, "
    "booktitle={Machine Learning for Healthcare}, year={2019}}"
)
Node = str | Mapping[str, Any] | list[Any]


def chai_card(
    config: ModelRegistrationConfig,
    metadata: Mapping[str, Any],
    validation: Mapping[str, Any],
    test: Mapping[str, Mapping[str, Any]],
    intervals: Mapping[str, tuple[float, float, float]],
    radiographs: Mapping[str, Any],
    record: Mapping[str, Any],
    date: str,
) -> str:
    """Write the card; the schema's elements stand in its order, and what was not done is said.

    Args:
        config: Name and licence.
        metadata: The bundle's own record of its training.
        validation: What :func:`coherent_cxr.serving.registration.scoring.score_candidates` returned.
        test: Headline metrics of every system on the test split.
        intervals: Value and 95 % interval of this system's first metrics on the test split.
        radiographs: The manifest of the images: ``drawn`` and ``notice``.
        record: What was registered: ``version``, ``alias``, ``weights_digest``.
        date: Of the registration, ISO 8601.
    """
    system = validation["candidate"]
    kind = "synthetic phantoms, not radiographs" if radiographs["drawn"] else "radiographs"
    numbers = {name: value for name, value in test.get(system, {}).items() if _is_number(value)}
    training = "; ".join(f"{key.replace('_', ' ')}: {value}" for key, value in sorted(metadata.items()))
    content: dict[str, Node] = {
        "BasicInfo": {
            "ModelName": f"{config.name}: system {system}",
            "ModelDeveloper": "Whoever trained it with Coherent CXR; the software names no developer.",
            "DeveloperContact": "Not recorded.",
        },
        "ReleaseInfo": {
            "ReleaseStage": f"Research only, not for clinical use. Alias in the registry: {record['alias']}.",
            "ReleaseDate": date,
            "ReleaseVersion": (
                f"{record['version']} (weights {record['weights_digest']}; Coherent CXR {__version__})"
            ),
            "GlobalAvailability": f"Licence of the weights: {config.licence}",
            "RegulatoryApproval": "None.",
        },
        "ModelSummary": {
            "Summary": (
                "Generates the findings section of a chest X-ray report from the images of a study "
                "(CNN-RNN-RNN with visual sentinel, Liu et al. 2019). Reports contain errors, among "
                "them missed and invented findings; no radiologist has checked them."
            ),
            "Keywords": [{"Keyword": word} for word in ("chest X-ray", "report generation", "research only")],
        },
        "UsesAndDirections": {
            "IntendedUseAndWorkflow": "Comparing report generators, and research on how they fail.",
            "PrimaryIntendedUsers": "Researchers and engineers of medical imaging.",
            "HowToUse": "Through the command line, the service or MLflow; see the documentation on serving.",
            "TargetedPatientPopulation": "None: no use for patients is intended.",
            "CautionedOutOfScopeSettings": "Diagnosis, triage, drafting reports of patients.",
        },
        "Warnings": {
            "KnownRisksAndLimitations": (
                "One corpus; rare findings are mostly missed. Label metrics and training "
                "reward share one labeller, which flatters models trained on it. Images unlike those of the "
                "training are warned of, not recognised for certain."
            ),
            "KnownBiasesOrEthicalConsiderations": (
                "Not assessed by sex, age or origin: the corpora do not give them for every study."
            ),
            "ClinicalRiskLevel": "Not for clinical use; no risk class was assessed.",
        },
        "TrustIngredients": {
            "AISystemFacts": {
                "OutcomesAndOutputs": (
                    "Text of the findings; labels of the text; where a label classifier was registered, a "
                    f"calibrated probability for each of {len(OBSERVATIONS)} observations."
                ),
                "ModelType": "Convolutional encoder and hierarchical recurrent decoder.",
                "InputDataSource": f"{kind}. {radiographs['notice']}",
                "OutputAndInputDataTypes": "In: PNG, JPEG or DICOM. Out: text and numbers.",
                "DevelopmentDataCharacterization": training or "Not recorded.",
                "BiasMitigationApproaches": NOT_DONE,
                "OngoingMaintenance": (
                    "None promised. A log of numbers and a page about drift come with the software."
                ),
                "Security": "Every file is checked against its SHA-256 when the model is loaded.",
                "Transparency": "Source, settings, metrics with intervals and attention maps are open.",
            },
            "TransparencyInformation": {
                "FundingSource": "Not recorded.",
                "StakeholdersConsulted": "None recorded.",
            },
        },
        "KeyMetrics": {
            "UsefulnessUsabilityEfficacy": _metric(
                "Agreement of generated and reference reports, in language and in CheXpert labels.",
                {**{name: float(value) for name, value in numbers.items()}, **intervals},
                "Higher is better. The page of results compares with the other systems, with paired tests.",
                "Retrospective; held-out test split, by patient.",
                f"{kind}. {radiographs['notice']}",
                f"Chosen on the validation split, by the rule: {validation['rule']}",
            ),
            "FairnessEquity": _metric(
                "Differences between groups of patients.", {}, NOT_DONE, NOT_DONE, NOT_DONE, NOT_DONE
            ),
            "SafetyReliability": _metric(
                "Not collapsed to the normal report, on the validation split.",
                {name: float(value) for name, value in validation["systems"][system].items()},
                "; ".join(validation["assessments"][system]["reasons"]) or "It can be champion.",
                "Retrospective; validation split, by patient.",
                f"Digest of the data: {validation['validation_digest']}",
                f"Compared with {REFERENCE} by the paired bootstrap over patients.",
            ),
        },
        "Resources": {
            "EvaluationReferences": "The page of results, and the model card in Markdown beside this file.",
            "PeerReviewedPublications": "Of the method: https://arxiv.org/abs/1904.02633.",
            "PatientConsentOrDisclosure": f"As of the training images: {radiographs['notice']}",
        },
        "Bibliography": PAPER,
    }
    ElementTree.register_namespace("", NAMESPACE)
    root = _element("AppliedModelCard", content)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _metric(
    goal: str,
    numbers: Mapping[str, float | tuple[float, float, float]],
    interpretation: str,
    test: str,
    data: str,
    process: str,
) -> dict[str, Node]:
    """Return one of the three groups; without numbers its result says that there are none."""
    results = [
        {"MetricResult": {"Label": name, "ValueJson": json.dumps(_value(value))}}
        for name, value in numbers.items()
        if isinstance(value, tuple) or math.isfinite(value)
    ]
    none = {"MetricResult": {"Label": "None", "ValueJson": json.dumps({"kind": "text", "text": NOT_DONE})}}
    return {
        "MetricGoal": goal,
        "Results": results or [none],
        "Interpretation": interpretation,
        "TestType": test,
        "TestingDataDescription": data,
        "ValidationProcessAndJustification": process,
    }


def _value(value: float | tuple[float, float, float]) -> dict[str, Any]:
    if isinstance(value, tuple):
        estimate, lower, upper = (round(number, 6) for number in value)
        return {"kind": "estimate_ci", "estimate": estimate, "lower": lower, "upper": upper, "level": 95}
    return {"kind": "single", "value": round(value, 6)}


def _element(name: str, content: Node) -> ElementTree.Element:
    made = ElementTree.Element(f"{{{NAMESPACE}}}{name}")
    if isinstance(content, str):
        made.text = storable(content)
        return made
    parts = [content] if isinstance(content, Mapping) else content
    for part in parts:
        for child, inside in part.items():
            made.append(_element(child, inside))
    return made


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
