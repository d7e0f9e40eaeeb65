"""Project settings, read by Kedro. See https://docs.kedro.org for what may stand here."""

import logging
import warnings
from typing import Any

from omegaconf.resolvers import oc

from coherent_cxr.context import ProjectContext, ReadOnceConfigLoader
from coherent_cxr.hooks import HOOKS
from coherent_cxr.runtime.log import set_up_log

# From here on warnings are shown, among them Kedro's that a run would load another run's version. Before,
# conf/logging.yml silences what plugins warn of while they are imported. What no user can change is hidden.
logging.getLogger("py.warnings").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message=r"(?s).*Add type hints to the `predict` method")
warnings.filterwarnings("ignore", message=r"One or more dataset names contain '\.' characters")
warnings.filterwarnings("ignore", message="Option '--pipeline' is deprecated")
warnings.filterwarnings("ignore", module=r"pydicom\.")  # what is odd about an image is in its notes

set_up_log()

HOOKS = HOOKS  # Kedro reads the hooks from this module's namespace
CONTEXT_CLASS = ProjectContext
CONFIG_LOADER_CLASS = ReadOnceConfigLoader
CONFIG_LOADER_ARGS: dict[str, Any] = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment states only the parameters that differ, at any depth.
    "merge_strategy": {"parameters": "soft"},
    # Corpora lie outside the repository, so their places may come from the environment.
    "custom_resolvers": {"oc.env": oc.env},
}
