"""Templates of a package, which may include and import the shared ones."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from coherent_cxr.pages.colours import OUTCOMES

SHARED = "coherent_cxr.pages"


@cache
def environment(package: str) -> Environment:
    """Return the templates of a package and the shared ones; every text is escaped.

    Args:
        package: Full name of a package with a folder ``templates``.
    """
    loader = ChoiceLoader([PackageLoader(package), PackageLoader(SHARED)])
    templates = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    templates.globals["outcome_colours"] = OUTCOMES
    return templates


def render(package: str, template: str, **values: Any) -> str:
    """Fill a template of a package."""
    return environment(package).get_template(template).render(**values)
