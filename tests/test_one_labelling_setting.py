"""No code of ours labels by a rule set that nobody chose."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import coherent_cxr

SOURCE = Path(coherent_cxr.__file__).parent
CHOOSERS = {"chexpert/opening.py"}
"""The one way from a name that somebody chose to a labeller."""


def _calls(tree: ast.AST) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        call
        for call in calls
        if getattr(call.func, "id", getattr(call.func, "attr", "")) == "CheXpertLabeler"
    ]


def test_a_labeller_is_made_where_its_rules_are_chosen_and_never_by_default():
    made = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if calls := _calls(ast.parse(path.read_text("utf-8"))):
            made[path.relative_to(SOURCE).as_posix()] = calls
    assert set(made) == CHOOSERS
    assert all(call.args for calls in made.values() for call in calls)


@pytest.mark.slow
def test_whoever_takes_a_labeller_is_given_one():
    optional = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                arguments = node.args
                given = [*arguments.posonlyargs, *arguments.args]
                with_default = given[len(given) - len(arguments.defaults) :]
                with_default += [
                    one
                    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
                    if default is not None
                ]
                optional += [
                    f"{path.name}: {node.name}"
                    for one in with_default
                    if one.annotation is not None and "CheXpertLabeler" in ast.unparse(one.annotation)
                ]
    assert optional == []
