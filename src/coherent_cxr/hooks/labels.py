"""The labels of a run are those of the rule set that it is configured with."""

from __future__ import annotations

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from coherent_cxr.chexpert.chexbert_folder import CHEXBERT
from coherent_cxr.chexpert.function_labeller import FunctionLabelerError
from coherent_cxr.chexpert.observations import LabelSetError, label_set, use_label_set
from coherent_cxr.chexpert.opening import is_function
from coherent_cxr.chexpert.rules.checks import RuleFileError
from coherent_cxr.chexpert.shown import label_set_of
from coherent_cxr.stopped import RunStoppedError


class LabelsHook:
    """Sets the labels of the process when a context is made, with its environment and ``--params``."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Read which labels the rule set of the context's parameters has.

        Raises:
            RunStoppedError: If its file cannot be used.
        """
        try:
            parameters = context.config_loader["parameters"]
        except MissingConfigException:
            parameters = {}
        section = parameters.get("chexpert_labelling")
        rules, beside = (
            section.get(key) if isinstance(section, dict) else None for key in ("rules", "beside")
        )
        try:
            use_label_set(label_set_of(rules) if isinstance(rules, str) and rules else None)
            self._require_same(rules, beside)
        except (RuleFileError, FunctionLabelerError, LabelSetError) as error:
            raise RunStoppedError(
                f"The setting 'chexpert_labelling.rules' cannot be used. {error}"
            ) from error

    @staticmethod
    def _require_same(rules: object, beside: object) -> None:
        """Refuse a second judge whose labels are not those of the run; a function's are not known before."""
        if (
            not isinstance(beside, str)
            or beside in ("", rules)
            or (is_function(beside) and beside != CHEXBERT)
        ):
            return
        if label_set_of(beside).observations != label_set().observations:
            named = f"chexpert_labelling.beside is '{beside[:100]}', whose labels are not those of '{rules}'."
            raise RuleFileError(f"{named} Set it to null, or to a rule set with the same labels.")
