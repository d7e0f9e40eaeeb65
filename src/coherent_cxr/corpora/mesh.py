"""MeSH and RadLex terms that people coded Open-I studies with."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

COLUMNS = ("study_id", "term", "heading", "qualifiers")


def mesh_table(terms: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Take terms apart.

    Args:
        terms: Study and term, for example ``("CXR5", "Opacity/lung/base/left")``.

    Returns:
        study_id, term, heading ("Opacity") and qualifiers ("lung/base/left", empty if there are none), each
        term of a study once. "normal" and "No Indexing" are the publisher's own words: nothing to code, and
        not coded.
    """
    rows = []
    for study, term in dict.fromkeys(terms):
        parts = [part for part in (" ".join(part.split()) for part in term.split("/")) if part]
        if parts:
            rows.append((study, "/".join(parts), parts[0], "/".join(parts[1:])))
    return pd.DataFrame(list(dict.fromkeys(rows)), columns=list(COLUMNS)).astype("str")
