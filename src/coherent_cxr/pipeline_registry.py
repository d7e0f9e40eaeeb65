"""Pipelines of the project, by name; a stage's code is imported when the stage is asked for."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module

from kedro.pipeline import Pipeline

from coherent_cxr.pipelines.systems import Systems, current

STAGES = (
    "report_parsing",
    "findings_extraction",
    "chexpert_labelling",
    "vocabulary_building",
    "fabrication",
    "image_preparation",
    "encoder_pretraining",
    "mle_training",
    "rl_fine_tuning",
    "baselines",
    "evaluation",
    "model_registration",
)
"""The stages in the order in which they can run one after the other."""

EXTRA_STAGES = (
    "download_openi",
    "mimic_fabrication",
    "label_comparison",
    "quality_report",
    "compare",
    "ablation",
    "reward_lab",
    "inference",
)
"""Stages that run on request only."""

BY_SYSTEM = {"rl_fine_tuning", "evaluation", "model_registration"}
"""Stages whose nodes depend on the systems that the parameters name."""

DEFAULT = "__default__"


class Stages(Mapping[str, Pipeline]):
    """Every stage by its name, and those of :data:`STAGES` together as ``__default__``.

    Kedro looks into it for what a run names, so that a stage of tables starts without what the others import:
    PyTorch, scikit-learn and Matplotlib.
    """

    def __getitem__(self, name: str) -> Pipeline:
        """Return a pipeline.

        Raises:
            KeyError: If there is none of this name.
        """
        if name == DEFAULT:
            return sum((_stage(stage) for stage in STAGES), Pipeline([]))
        if name not in (*STAGES, *EXTRA_STAGES):
            raise KeyError(name)
        return _stage(name)

    def __iter__(self) -> Iterator[str]:
        yield from (DEFAULT, *STAGES, *EXTRA_STAGES)

    def __len__(self) -> int:
        return 1 + len(STAGES) + len(EXTRA_STAGES)


def full_node_name(given: str, nodes: Iterable[str]) -> str:
    """Return the name of a node or namespace as Kedro knows it: with its stage, which may be left out.

    Args:
        given: Such as ``train_mle``, ``full.fine_tune`` or ``full``.
        nodes: Names of all nodes, or of all namespaces.

    Returns:
        The only name that ends so; ``given`` if there is none or are several.
    """
    found = [name for name in nodes if name == given or name.endswith(f".{given}")]
    return found[0] if len(found) == 1 else given


def register_pipelines() -> Mapping[str, Pipeline]:
    """Return every stage by its name, and those of :data:`STAGES` together as ``__default__``."""
    return Stages()


def _stage(name: str) -> Pipeline:
    return _made(name, *([current()] if name in BY_SYSTEM else []))


@cache
def _made(name: str, *systems: Systems) -> Pipeline:
    pipeline: Pipeline = import_module(f"coherent_cxr.pipelines.{name}").create_pipeline(*systems)
    # A stage is a namespace, which Kedro-Viz folds to a box; datasets and parameters keep their names.
    return Pipeline(pipeline, namespace=name, prefix_datasets_with_namespace=False)
