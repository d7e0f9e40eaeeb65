"""Project settings, read by Kedro. See https://docs.kedro.org for what may stand here."""

from kedro.config import OmegaConfigLoader
from omegaconf.resolvers import oc

from coherent_cxr.context import ProjectContext
from coherent_cxr.hooks import HOOKS

HOOKS = HOOKS  # Kedro reads the hooks from this module's namespace
CONTEXT_CLASS = ProjectContext
CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment states only the parameters that differ, at any depth.
    "merge_strategy": {"parameters": "soft"},
    # Corpora lie outside the repository, so their places may come from the environment.
    "custom_resolvers": {"oc.env": oc.env},
}
