"""Where CheXbert's weights are, for runs that label with it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

CHEXBERT: Final = "chexbert"
"""Name of the labeller."""
CHEXBERT_FUNCTION: Final = "coherent_cxr.evaluation.judges.chexbert_model:label"
"""What it stands for; the function needs PyTorch, which labelling by rules does without."""
VARIABLE: Final = "COHERENT_CXR_CHEXBERT"
WEIGHTS, VOCABULARY = "chexbert.pth", "vocab.txt"


def chexbert_folder() -> Path:
    """Return the folder with the weights.

    Raises:
        FileNotFoundError: If it is not set, a file is missing, or transformers is not installed; the message
            says what to do.
    """
    given = os.environ.get(VARIABLE)
    get = (
        f"Set {VARIABLE} to a folder with its authors' {WEIGHTS} (github.com/stanfordmlgroup/CheXbert) and "
        f"the {VOCABULARY} of bert-base-uncased."
    )
    if not given:
        raise FileNotFoundError(f"The labeller '{CHEXBERT}' needs weights. {get}")
    for name in (WEIGHTS, VOCABULARY):
        if not (Path(given) / name).is_file():
            raise FileNotFoundError(f"The labeller '{CHEXBERT}' finds no {name} in '{given:.200}'. {get}")
    if find_spec("transformers") is None:
        raise FileNotFoundError(
            f"The labeller '{CHEXBERT}' needs the package transformers: pip install 'coherent-cxr[judges]'."
        )
    return Path(given)
