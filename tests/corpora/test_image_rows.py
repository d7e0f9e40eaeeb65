"""Whatever stands in the rows, each becomes an image or an exclusion, and no patient shares a study."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from coherent_cxr.corpora.image_rows import OTHER_TEXT, gather

CELLS = st.one_of(st.none(), st.sampled_from(["1", "01", "2", " 2 ", "3.0", "5.0E+07", "None", "ü"]))
ROW = st.fixed_dictionaries(
    {
        **dict.fromkeys(("study_id", "patient_id", "image_id", "findings", "impression"), CELLS),
        "study_date": st.sampled_from([None, "2024-05-06", "2025-05-06"]),
        "view": st.sampled_from(["frontal", "lateral", "unknown"]),
        "view_source": st.just("table"),
        "reason": st.sampled_from([None, None, "refused"]),
        "detail": st.just("It is refused."),
    }
)


@settings(max_examples=40)
@given(st.lists(ROW, min_size=1, max_size=12))
def test_rows_in_are_images_and_exclusions_out(rows: list[dict[str, str | None]]) -> None:
    table = pd.DataFrame(rows).astype("str")
    studies, images, exclusions, _ = gather(table, ("findings", "impression"), "t.csv")
    left_out = exclusions[exclusions["reason"] != OTHER_TEXT]
    assert len(images) + len(left_out) == len(rows)
    assert studies["study_id"].is_unique
    assert images["image_id"].is_unique
    assert images["study_id"].isin(studies["study_id"]).all()
    assert exclusions["detail"].str.endswith(".").all()
