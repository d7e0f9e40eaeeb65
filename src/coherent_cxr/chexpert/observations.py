"""The fourteen observations of CheXpert and the codes of their labels (Irvin et al. 2019, table 1)."""

from typing import Final

OBSERVATIONS: Final[tuple[str, ...]] = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
"""Column order of the original tool. A mention of "No Finding" is a finding outside the other thirteen."""

POSITIVE: Final = 1
NEGATIVE: Final = 0
UNCERTAIN: Final = -1

STATUS_NAMES: Final[dict[int, str]] = {POSITIVE: "positive", NEGATIVE: "negative", UNCERTAIN: "uncertain"}
