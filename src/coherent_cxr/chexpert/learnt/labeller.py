"""Labels sentences with what was learnt; the file holds numbers and names, nothing that is run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler
from coherent_cxr.chexpert.engine.mentions import FoundMention
from coherent_cxr.chexpert.learnt.features import features, rule_features
from coherent_cxr.chexpert.rules.checks import RuleFileError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ENDING: Final = ".safetensors"
CLASSES: Final = (None, 0, -1, 1)
"""What a sentence says of an observation, in the order of the scores; None: nothing."""
TOLD: Final = "coherent_cxr_learnt_labeller"
"""Where the file's words stand in its metadata."""
MOST_BYTES: Final = 1 << 28
RULE: Final = "learnt from labelled sentences"


class LearntLabeler(CheXpertLabeler):
    """Labels each sentence with a linear classifier; the labels of a report follow as from rules.

    It sees the words, and what the rules say: what nobody corrected stays much as it was.

    Cleaning, the ends of sentences, the labels and their aggregation are those of the rule set that it was
    learnt from, whose content is in the file too.

    Args:
        rules: Path of the file, or its name where ``content`` is given.
        cache_size: Most sentences to remember.
        content: The file's bytes.

    Raises:
        RuleFileError: If the file is no learnt labeller.
    """

    def __init__(self, rules: str | Path, cache_size: int = 65_536, content: bytes | None = None) -> None:
        data = _read(Path(rules)) if content is None else content
        try:
            told, self._weights, self._bias = _parse(data)
            super().__init__(str(rules), cache_size, str(told["base"]).encode())
            names = told["features"].split("\n")
            observations = tuple(told["observations"].split("\n"))
        except RuleFileError:
            raise
        except Exception as error:  # the one place where a foreign file's bytes are parsed
            raise _damaged(rules, f"it cannot be parsed ({type(error).__name__})") from error
        shape = (len(names), len(self.observations) * len(CLASSES))
        if observations != self.observations or self._weights.shape != shape or self._bias.shape != shape[1:]:
            raise _damaged(rules, "its numbers do not fit its labels and features")
        self._place = {name: place for place, name in enumerate(names)}
        self._arguments = (rules, cache_size, content)
        self._data = data
        self.digest = hashlib.sha256(data).hexdigest()

    def exported(self) -> bytes:
        """Return the file."""
        return self._data

    def statements(self, sentence: str) -> list[tuple[FoundMention, int, str]]:
        """Return what a cleaned sentence says, each statement over the whole of it."""
        scores = self.scores(sentence)
        chosen = [CLASSES[place] for place in scores.argmax(axis=1).tolist()]
        return [
            (FoundMention(0, len(sentence), name, ""), status, RULE)
            for name, status in zip(self.observations, chosen, strict=True)
            if status is not None
        ]

    def scores(self, sentence: str) -> NDArray[np.float32]:
        """Return the scores of a cleaned sentence ``(observations, classes)``, see :data:`CLASSES`."""
        seen = features(sentence) | rule_features(super().statements(sentence))
        rows = sorted(self._place[name] for name in seen if name in self._place)
        total: NDArray[np.float32] = self._bias + self._weights[rows].sum(axis=0, dtype="float32")
        return total.reshape(len(self.observations), len(CLASSES))


def is_learnt(rules: str, content: bytes | None) -> bool:
    """Return whether a file, or the bytes of one, should be a learnt labeller."""
    return Path(rules).suffix == ENDING if content is None else not content.startswith(b"{")


def to_file(
    names: list[str], weights: NDArray[np.float32], bias: NDArray[np.float32], base: CheXpertLabeler
) -> bytes:
    """Return the file of a learnt labeller.

    Args:
        names: The features, in the order of the rows.
        weights: ``(features, observations * classes)``.
        bias: ``(observations * classes,)``.
        base: The labeller that it was learnt from.
    """
    from safetensors.numpy import save

    told = {
        "base": base.exported().decode(),
        "base_name": base.name,
        "features": "\n".join(names),
        "observations": "\n".join(base.observations),
        "notice": "For research only, not for clinical use.",
    }
    numbers = {"weights": weights.astype("float16"), "bias": bias.astype("float32")}
    return bytes(save(numbers, {TOLD: json.dumps(told)}))  # one entry: the order of several is not kept


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _damaged(path, f"it has more than {MOST_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise RuleFileError(f"The learnt labeller {path} cannot be read ({error.strerror}).") from error


def _parse(data: bytes) -> tuple[dict[str, Any], NDArray[np.float32], NDArray[np.float32]]:
    import numpy as np
    from safetensors.numpy import load

    tensors = load(data)
    length = int.from_bytes(data[:8], "little")
    told = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][TOLD])
    weights, bias = (np.asarray(tensors[name], dtype=np.float32) for name in ("weights", "bias"))
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise ValueError("numbers that are not finite")
    return told, weights, bias


def _damaged(path: str | Path, reason: str) -> RuleFileError:
    return RuleFileError(
        f"The learnt labeller {path} cannot be used: {reason}. Train it again with `coherent-cxr "
        "train-labeller`."
    )
