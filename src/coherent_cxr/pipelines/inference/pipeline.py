"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.inference.nodes import generate_reports, list_studies


def create_pipeline() -> Pipeline:
    """Return the stage inference."""
    return Pipeline(
        [
            Node(
                list_studies,
                inputs="params:inference",
                outputs=["inference_studies", "inference_not_listed"],
                name="list_studies",
                tags=["cpu"],
            ),
            Node(
                generate_reports,
                inputs=["params:inference", "inference_studies", "inference_not_listed"],
                outputs=["generated_study_reports", "inference_exclusions"],
                name="generate_reports",
                tags=["gpu", "pieces"],
            ),
        ]
    )
