"""Schemas (pandera) of the tables that another stage reads; a catalog entry names one as its ``validator``.

Columns are those that are read; further ones are allowed. Kedro imports this module when the first table with
a validator is loaded or saved.
"""

from __future__ import annotations

from typing import Final

from pandas.api.types import is_numeric_dtype
from pandera.pandas import Check, Column, DataFrameSchema

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.datasets.validation import TableValidator
from coherent_cxr.inputs.split_names import SPLITS

TEXT: Final = Column(str)
KEY: Final = Column(str, unique=True)
OPTIONAL_TEXT: Final = Column(str, nullable=True)
NUMBER: Final = Column(checks=Check(is_numeric_dtype, error="a number"))
OPTIONAL_NUMBER: Final = Column(checks=Check(is_numeric_dtype, error="a number"), nullable=True)
COUNT: Final = Column(checks=Check.ge(0))
SHARE: Final = Column(checks=Check.in_range(0, 1))
LISTS: Final = Column(object)
LABEL: Final = Column(checks=Check.isin((-1, 0, 1)), nullable=True)
SPLIT: Final = Column(str, Check.isin(SPLITS))


def _table(
    columns: dict[str, Column], unique: list[str] | None = None, per_label: Column | None = None
) -> TableValidator:
    """Return the validator of a table; ``per_label`` is the column that every label of the run has."""

    def schema() -> DataFrameSchema:
        labels = {} if per_label is None else dict.fromkeys(OBSERVATIONS, per_label)
        names = Column(str, Check.isin(list(OBSERVATIONS)))
        named = {"observation": names} if "observation" in columns else {}
        return DataFrameSchema({**columns, **named, **labels}, unique=unique)

    return TableValidator(schema)


studies = _table({"study_id": KEY, "patient_id": TEXT, "findings": OPTIONAL_TEXT})
images = _table({"image_id": KEY, "study_id": TEXT, "view": TEXT})
mesh_terms = _table({"study_id": TEXT, "term": TEXT})
exclusions = _table({"id": TEXT, "reason": TEXT, "detail": TEXT})
findings = _table({"study_id": KEY, "text": TEXT, "sentences": LISTS, "tokens": LISTS})
study_labels = _table({"study_id": KEY}, per_label=LABEL)
sentence_labels = _table({"study_id": TEXT, "sentence": COUNT}, ["study_id", "sentence"], LABEL)
splits = _table({"study_id": KEY, "patient_id": TEXT, "split": SPLIT})
encoded_reports = _table(
    {"study_id": KEY, "split": SPLIT, "sentences": LISTS, "n_words": COUNT, "n_unknown": COUNT}
)
label_scores = _table({"study_id": KEY}, per_label=NUMBER)
label_thresholds = _table(
    {
        "operating_point": TEXT,
        "observation": TEXT,  # one of the labels
        "threshold": NUMBER,
        "prevalence": SHARE,
        "slope": NUMBER,
        "intercept": NUMBER,
    },
    unique=["operating_point", "observation"],
)
baseline_reports = _table(
    {"system": TEXT, "study_id": TEXT, "tokens": LISTS, "report": TEXT}, unique=["system", "study_id"]
)
generated_reports = _table(
    {
        "system": TEXT,
        "study_id": TEXT,
        "report": TEXT,
        **dict.fromkeys(("tokens", "unprocessed", "finding_tokens"), LISTS),
    },
    unique=["system", "study_id"],
)
baseline_labels = _table({"system": TEXT, "study_id": TEXT}, ["system", "study_id"], LABEL)
history = _table({"step": COUNT, "epoch": NUMBER, "split": TEXT, "metric": TEXT, "value": OPTIONAL_NUMBER})
metrics = _table(
    {
        **dict.fromkeys(("system", "metric", "labels", "average", "uncertain", "rules"), TEXT),
        **dict.fromkeys(("value", "low", "high"), OPTIONAL_NUMBER),
    }
)
