"""A run that reads a corpus stops before the first node if the corpus is not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from coherent_cxr.stopped import RunStoppedError

if TYPE_CHECKING:
    from coherent_cxr.images.phantom.fabrication import FabricationConfig

FETCHED_BY = {"openi_download", "fabricated_mimic_cxr"}
"""What stages that put a corpus in its place make."""
READ_BY = {"params:report_parsing", "params:fabrication"}
"""Settings of the nodes that read a corpus."""


class RawDataHook:
    """Looks for the raw reports and images that the nodes of a run will read."""

    @hook_impl(tryfirst=True)  # before kedro-mlflow opens a run that would only fail
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Look for the corpus where its settings say.

        Raises:
            RunStoppedError: If something is missing; the message says how to get it or what to set.
        """
        if run_params["only_missing_outputs"] or pipeline.all_outputs() & FETCHED_BY:
            return
        inputs = {name for node in pipeline.nodes for name in node.inputs}
        if not inputs & READ_BY:
            return
        from coherent_cxr.corpora import preflight  # decoders and phantoms, which other stages do not need
        from coherent_cxr.corpora.parsing import ReportParsingConfig
        from coherent_cxr.images.phantom.fabrication import FabricationConfig

        reports = _setting(catalog, "params:report_parsing")
        images = _setting(catalog, "params:fabrication")
        missing = []
        if "params:report_parsing" in inputs and isinstance(reports, ReportParsingConfig):
            missing += [
                f"{check.what}: {check.detail}"
                for check in preflight.check_reports(reports)
                if check.state == "missing"
            ]
        if "params:fabrication" in inputs and isinstance(images, FabricationConfig):
            corpus = reports.corpus if isinstance(reports, ReportParsingConfig) else "openi"
            missing += missing_images(images, corpus)
        if missing:
            raise RunStoppedError("Raw data is missing. " + "\n".join(missing))


def missing_images(config: FabricationConfig, corpus: str) -> list[str]:
    """Say what is missing of a corpus' own radiographs, without opening one.

    Args:
        config: Where they are; nothing is missing where phantoms are made.
        corpus: Name of the corpus.

    Returns:
        No sentence or one.
    """
    if config.images_root is None:
        return []
    root = Path(config.images_root)
    if root.is_file() or (root.is_dir() and next(root.iterdir(), None)):
        return []
    from coherent_cxr.corpora import preflight

    found = "an empty folder" if root.is_dir() else "nothing"
    return [f"images: there is {found} at {root}. {preflight.images_remedy(corpus)}"]


def _setting(catalog: DataCatalog, name: str) -> Any:
    return catalog.load(name) if name in catalog else None
