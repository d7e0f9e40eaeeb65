"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.quality_report.nodes import count_rows, describe, find_leaks


def create_pipeline() -> Pipeline:
    """Return the stage quality_report."""
    return Pipeline(
        [
            Node(
                count_rows,
                inputs=[
                    "studies",
                    "findings",
                    "splits",
                    "image_store",
                    "parsing_exclusions",
                    "findings_exclusions",
                    "split_exclusions",
                    "image_exclusions",
                ],
                outputs="quality_counts",
                name="count_rows",
                tags=["cpu", "report"],
            ),
            Node(
                find_leaks,
                inputs=["splits", "findings", "image_store"],
                outputs="quality_leaks",
                name="find_leaks",
                tags=["cpu", "report"],
            ),
            Node(
                describe,
                inputs=[
                    "studies",
                    "images",
                    "findings",
                    "chexpert_labels",
                    "quality_counts",
                    "quality_leaks",
                    "view_report",
                ],
                outputs="quality_page",
                name="describe_corpus",
                tags=["cpu", "report"],
            ),
        ]
    )
