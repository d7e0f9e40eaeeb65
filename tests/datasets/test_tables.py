"""Tables with lists in their cells are saved, loaded and previewed."""

import json
from pathlib import Path

import pandas as pd

from coherent_cxr.datasets.tables import ParquetDataset


def test_lists_of_lists_are_previewed_as_json_can_hold_them(tmp_path: Path) -> None:
    dataset = ParquetDataset(filepath=str(tmp_path / "findings.parquet"))
    table = pd.DataFrame(
        {"study_id": ["S0", "S1"], "tokens": [[["no", "edema"], ["clear"]], [["clear"]]], "n": [1, 2]}
    )
    dataset.save(table)
    shown = json.loads(json.dumps(dataset.preview(nrows=1)))
    assert shown["columns"] == ["study_id", "tokens", "n"]
    assert shown["data"] == [["S0", "[['no', 'edema'], ['clear']]", 1]]
    assert [list(sentence) for sentence in dataset.load()["tokens"][0]] == [["no", "edema"], ["clear"]]
