"""How long every node takes on the demonstration: what the time left of a run is estimated by."""

from __future__ import annotations

from kedro.pipeline.node import Node

MEASURED = {
    "parse_reports": 3,
    "extract_findings": 1,
    "label_findings": 2,
    "count_document_frequencies": 1,
    "fabricate_radiographs": 38,
    "encode_reports": 1,
    "prepare_images": 5,
    "show_examples": 1,
    "pretrain_encoder": 328,
    "score_labels": 47,
    "train_mle": 238,
    "decide_labels": 1,
    "fine_tune": 93,
    "draw_curves": 3,
    "compare_systems": 4,
    "assess_encoder": 2,
    "look_where_it_looked": 7,
    "score_candidates": 10,
    "generate_reports": 27,
    "check_finding_tokens": 2,
    "label_both_sides": 2,
    "score": 65,
    "score_sections": 1,
    "draw_figures": 8,
    "register_model": 25,
    "write_results_page": 15,
}
"""Seconds by name of the node, 2026-11-28, 2-core AMD EPYC; four ``fine_tune`` ran two at a time."""
GIGABYTES = 0.6
"""What a whole run on the demonstration leaves in its data folder and in MLflow's."""
OTHERS = 1.0
"""Of a node that is not in the table."""
TRUST = 30.0
"""Seconds of the table that count as measured here, so that the first second of a run says little."""


def seconds_of_demonstration(systems: int) -> float:
    """Return the time of a whole run on the demonstration.

    Args:
        systems: How many are trained by reinforcement.
    """
    each = MEASURED["fine_tune"] + MEASURED["draw_curves"]
    return sum(MEASURED.values()) + (systems - 1) * each


def seconds_of(node: Node) -> float:
    """Return the time that a node took where the table was measured."""
    return float(MEASURED.get(node.name.rpartition(".")[2], OTHERS))


def seconds_left(elapsed: float, done: float, to_come: float) -> float:
    """Estimate how long the rest of a run takes: as the table says, at the pace of this run so far.

    Args:
        elapsed: Seconds that this run has taken.
        done: Seconds of its finished nodes, by the table.
        to_come: Seconds of its other nodes, by the table.
    """
    return to_come * (elapsed + TRUST) / (done + TRUST)
