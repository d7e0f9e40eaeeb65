"""How the rule set ``spanish`` agrees with the physicians who labelled PadChest; prints a Markdown table.

The reports stand in a table of the package torchxrayvision, as word stems without accents::

    python benchmarks/spanish_labeller.py
"""

from __future__ import annotations

import ast
import gzip
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from coherent_cxr.chexpert import CheXpertLabeler

TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz"
# PadChest's labels that speak of the same as an observation
SAME: dict[str, set[str]] = {
    "Cardiomegaly": {"cardiomegaly"},
    "Pleural Effusion": {
        *("pleural effusion", "costophrenic angle blunting", "loculated pleural effusion"),
        *("hydropneumothorax", "loculated fissural effusion"),
    },
    "Pneumothorax": {"pneumothorax", "hydropneumothorax"},
    "Atelectasis": {
        *(
            "atelectasis",
            "laminar atelectasis",
            "lobar atelectasis",
            "segmental atelectasis",
            "round atelectasis",
        ),
        *("total atelectasis", "volume loss"),
    },
    "Pneumonia": {"pneumonia", "atypical pneumonia"},
    "Consolidation": {"consolidation", "air bronchogram"},
    "Edema": {
        *("pulmonary edema", "heart insufficiency", "hilar congestion", "vascular redistribution"),
        *("central vascular redistribution", "kerley lines"),
    },
    "Lung Opacity": {
        *(
            "infiltrates",
            "interstitial pattern",
            "alveolar pattern",
            "increased density",
            "ground glass pattern",
        ),
        *("reticular interstitial pattern", "reticulonodular interstitial pattern", "miliary opacities"),
        "fibrotic band",
    },
    "Lung Lesion": {
        *("nodule", "multiple nodules", "pulmonary mass", "lung metastasis", "cavitation", "mass"),
        "mediastinal mass",
    },
    "Fracture": {
        *(
            "rib fracture",
            "callus rib fracture",
            "clavicle fracture",
            "humeral fracture",
            "vertebral fracture",
        ),
        "fracture",
    },
    "Pleural Other": {
        *(
            "apical pleural thickening",
            "pleural thickening",
            "calcified pleural thickening",
            "pulmonary fibrosis",
        ),
        *("calcified pleural plaques", "pleural plaques"),
    },
}
NORMAL = {"normal", "unchanged", ""}


def main() -> None:
    package = find_spec("torchxrayvision")
    if package is None or package.origin is None:
        sys.exit("Install torchxrayvision, whose data hold the table.")
    with gzip.open(Path(package.origin).parent / "data" / TABLE, "rt") as file:
        table = pd.read_csv(file, usecols=["ReportID", "Report", "MethodLabel", "Labels"])
    table = table[table["MethodLabel"] == "Physician"].dropna().drop_duplicates("ReportID")
    truth = [{str(label).strip() for label in ast.literal_eval(text)} for text in table["Labels"]]
    labels = CheXpertLabeler("spanish").label_many(table["Report"])
    sys.stdout.write(f"{len(table):,} reports; uncertain counts as positive\n\n")
    sys.stdout.write("| observation | reports | precision | recall | F1 |\n|---|---|---|---|---|\n")
    for name in (*SAME, "No Finding"):
        theirs = pd.Series([t <= NORMAL if name == "No Finding" else bool(t & SAME[name]) for t in truth])
        ours = labels[name].fillna(0).ne(0).reset_index(drop=True)
        hits = int((ours & theirs).sum())
        numbers = (hits / ours.sum(), hits / theirs.sum(), 2 * hits / (ours.sum() + theirs.sum()))
        cells = " | ".join(f"{number:.3f}".lstrip("0") for number in numbers)
        sys.stdout.write(f"| {name} | {int(theirs.sum())} | {cells} |\n")


if __name__ == "__main__":
    main()
