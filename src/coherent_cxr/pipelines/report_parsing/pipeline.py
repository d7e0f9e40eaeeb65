"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.report_parsing.nodes import parse_reports


def create_pipeline() -> Pipeline:
    """Return the stage report_parsing."""
    return Pipeline(
        [
            Node(
                parse_reports,
                inputs="params:report_parsing",
                outputs=["studies", "images", "parsing_exclusions", "mesh_terms"],
                name="parse_reports",
                tags="cpu",
            )
        ]
    )
