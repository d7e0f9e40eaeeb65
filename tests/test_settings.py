"""What Kedro reads from the project."""

from __future__ import annotations

import importlib
import logging
import pickle
import warnings

from coherent_cxr import settings
from coherent_cxr.context import ProjectContext
from coherent_cxr.pipeline_registry import register_pipelines


def test_wrong_settings_are_sentences_in_the_product_and_not_only_in_tests() -> None:
    assert settings.CONTEXT_CLASS is ProjectContext


def test_every_node_can_be_sent_to_another_process() -> None:
    nodes = {node.name: node for stage in register_pipelines().values() for node in stage.nodes}
    assert len(nodes) > 30
    for node in nodes.values():
        assert pickle.loads(pickle.dumps(node.func)) is node.func, node.name


def test_kedros_warnings_about_versions_are_seen() -> None:
    shown = logging.getLogger("py.warnings")
    before = shown.level
    try:
        shown.setLevel(logging.ERROR)  # as conf/logging.yml has it
        with warnings.catch_warnings(record=True) as seen:
            warnings.resetwarnings()
            importlib.reload(settings)
            warnings.warn("Save version '1' did not match load version '2' for x", stacklevel=1)
            warnings.warn("Option '--pipeline' is deprecated and will be removed", stacklevel=1)
        assert shown.isEnabledFor(logging.WARNING)
    finally:
        shown.setLevel(before)
    (message,) = [str(warning.message) for warning in seen]
    assert "Save version '1' did not match" in message
