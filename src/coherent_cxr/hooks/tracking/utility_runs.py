"""Runs that train nothing and judge nothing new are in an MLflow experiment of their own."""

from __future__ import annotations

from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from coherent_cxr.pipeline_registry import EXTRA_STAGES


class UtilityRunsHook:
    """Opens the MLflow run of a utility pipeline in the experiment ``<name>-utilities``.

    kedro-mlflow opens the run that its setting ``tracking.run.id`` names; here it is made for it.
    """

    def __init__(self) -> None:
        self._config: Any = None

    @hook_impl(trylast=True)  # after kedro-mlflow has read mlflow.yml
    def after_context_created(self, context: KedroContext) -> None:
        """Remember kedro-mlflow's configuration, which it keeps at the context."""
        self._config = getattr(context, "mlflow", None)

    @hook_impl(tryfirst=True)  # before kedro-mlflow opens a run
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        """Make the run, if all that is run are utilities."""
        names = run_params["pipeline_names"] or []
        if self._config is None or not names or not set(names) <= set(EXTRA_STAGES):
            return
        import mlflow

        if mlflow.active_run() is not None or self._config.tracking.run.id is not None:
            return  # the user's own run
        client = mlflow.MlflowClient()
        usual = client.get_experiment_by_name(self._config.tracking.experiment.name)
        name = f"{self._config.tracking.experiment.name}-utilities"
        found = client.get_experiment_by_name(name)
        if found is None and usual is not None:
            client.create_experiment(name, f"{usual.artifact_location}-utilities")
        experiment = mlflow.set_experiment(name)
        run = client.create_run(experiment.experiment_id, run_name="+".join(names))
        self._config.tracking.run.id = run.info.run_id
