"""Schemas (pandera) of the tables that another stage reads; a catalog entry names one as its ``validator``.

Further columns are allowed. Importing pandera takes half a second, so this is done when the first table
with a validator is loaded or saved.
"""

from __future__ import annotations

from typing import Final

from pandera.pandas import Check, Column, DataFrameSchema

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.inputs.split_names import SPLITS

TEXT: Final = Column(str)
KEY: Final = Column(str, unique=True)
OPTIONAL_TEXT: Final = Column(str, nullable=True)
COUNT: Final = Column("int64", Check.ge(0))
NUMBER: Final = Column(float)
LISTS: Final = Column(object)
SHARE: Final = Column(float, Check.in_range(0, 1))
LABELS: Final = dict.fromkeys(OBSERVATIONS, Column(checks=Check.isin((-1, 0, 1)), nullable=True))
SPLIT: Final = Column(str, Check.isin(SPLITS))

studies = DataFrameSchema(
    {"study_id": KEY, "patient_id": TEXT, "findings": OPTIONAL_TEXT, "impression": OPTIONAL_TEXT}
)
images = DataFrameSchema({"image_id": KEY, "study_id": TEXT, "view": TEXT, "view_source": TEXT})
mesh_terms = DataFrameSchema({"study_id": TEXT, "term": TEXT, "heading": TEXT, "qualifiers": TEXT})
exclusions = DataFrameSchema({"id": TEXT, "reason": TEXT, "detail": TEXT})
findings = DataFrameSchema({"study_id": KEY, "text": TEXT, "sentences": LISTS, "tokens": LISTS})
study_labels = DataFrameSchema({"study_id": KEY, **LABELS})
sentence_labels = DataFrameSchema(
    {"study_id": TEXT, "sentence": COUNT, **LABELS}, unique=["study_id", "sentence"]
)
splits = DataFrameSchema({"study_id": KEY, "patient_id": TEXT, "split": SPLIT})
encoded_reports = DataFrameSchema(
    {"study_id": KEY, "split": SPLIT, "sentences": LISTS, "n_words": COUNT, "n_unknown": COUNT}
)
label_scores = DataFrameSchema({"study_id": KEY, **dict.fromkeys(OBSERVATIONS, Column("float32"))})
label_thresholds = DataFrameSchema(
    {
        "operating_point": TEXT,
        "observation": Column(str, Check.isin(OBSERVATIONS)),
        "threshold": NUMBER,
        "prevalence": SHARE,
        "slope": NUMBER,
        "intercept": NUMBER,
    },
    unique=["operating_point", "observation"],
)
baseline_reports = DataFrameSchema(
    {"system": TEXT, "study_id": TEXT, "tokens": LISTS, "report": TEXT}, unique=["system", "study_id"]
)
baseline_labels = DataFrameSchema({"system": TEXT, "study_id": TEXT, **LABELS}, unique=["system", "study_id"])
history = DataFrameSchema({"step": COUNT, "epoch": NUMBER, "split": TEXT, "metric": TEXT, "value": NUMBER})
