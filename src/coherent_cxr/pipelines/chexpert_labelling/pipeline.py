"""Wiring of the stage."""

from kedro.pipeline import Node, Pipeline

from coherent_cxr.pipelines.chexpert_labelling.nodes import label_findings


def create_pipeline() -> Pipeline:
    """Return the stage chexpert_labelling."""
    return Pipeline(
        [
            Node(
                label_findings,
                inputs=["params:chexpert_labelling", "findings"],
                outputs=["chexpert_labels", "sentence_labels", "chexpert_mentions"],
                name="label_findings",
                tags=["cpu", "pieces"],
            )
        ]
    )
