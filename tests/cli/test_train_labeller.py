"""``coherent-cxr train-labeller``, and its file in the place of a rule set."""

from pathlib import Path

import pandas as pd
from click.testing import CliRunner

from coherent_cxr.cli import main

WORDS = ("effusion", "pneumothorax", "edema", "consolidation", "pneumonia")
REPORTS = [
    f"{form.format(word)}"
    for word in WORDS
    for form in ("No {0}.", "Small {0}.", "Possible {0} on the left.")
]


def test_a_labeller_is_learnt_corrected_measured_and_used(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("\n".join(REPORTS * 2) + "\n")
    (tmp_path / "c.csv").write_text(
        "sentence,Fracture\nA step in the cortex.,1\nA step in the rib cortex.,1\n"
    )
    mine = tmp_path / "mine.safetensors"
    arguments = ["train-labeller", "--reports_path", str(tmp_path / "r.csv"), "--output", str(mine)]
    told = CliRunner().invoke(main, [*arguments, "--corrections", str(tmp_path / "c.csv")])
    assert told.exit_code == 0, told.output
    assert "Sentences  17, corrected 2" in told.output
    table = pd.read_csv(tmp_path / "mine_agreement.csv").set_index("observation")
    assert table.loc["Fracture", "sentences_corrections"] == 2
    assert table.loc["Edema", "sentences_rules"] == 17
    assert table["sentences_corrections"].sum() == 2

    (tmp_path / "new.csv").write_text("A step in the cortex.\nNo effusion.\n")
    out = tmp_path / "labels.csv"
    files = ["--reports_path", str(tmp_path / "new.csv"), "--output_path", str(out)]
    told = CliRunner().invoke(main, ["label", *files, "--rules", str(mine)])
    assert told.exit_code == 0, told.output
    labels = pd.read_csv(out)
    assert labels["Fracture"].tolist()[0] == 1
    assert labels["Pleural Effusion"].tolist()[1] == 0


def test_what_cannot_be_learnt_from_is_said(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("No effusion.\n")
    arguments = ["train-labeller", "--reports_path", str(tmp_path / "r.csv")]
    told = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path / "x.safetensors")])
    assert told.exit_code == 1
    assert "1 different sentences" in told.output
    told = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path / "x.csv")])
    assert told.exit_code != 0
    assert not (tmp_path / "x.safetensors").exists()
