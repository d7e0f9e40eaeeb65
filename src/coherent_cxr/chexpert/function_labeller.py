"""A user's own labeller: any function that labels texts with the observations."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coherent_cxr.chexpert.chexbert_folder import CHEXBERT, CHEXBERT_FUNCTION
from coherent_cxr.chexpert.engine.cache import SentenceCache
from coherent_cxr.chexpert.engine.labeller import CheXpertLabeler, Mention, as_text
from coherent_cxr.chexpert.observations import OBSERVATIONS, label_set
from coherent_cxr.chexpert.rules.language_file import english

if TYPE_CHECKING:
    import pandas as pd

IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
"""How a function is named: module:function."""
ABSENT = 2
"""Code of a label that is not mentioned, as in :mod:`coherent_cxr.chexpert.codes`."""


class FunctionLabelerError(ValueError):
    """A function that cannot be imported, or that returns no labels; the message says what is wrong."""


class FunctionLabeler(CheXpertLabeler):
    """Labels with a function of the user's own, in the place of a rule set.

    The function gets a list of texts and returns an array or nested list ``(texts, labels)`` in the order of
    ``OBSERVATIONS``: 1 positive, 0 negative, -1 uncertain; 2, NaN or None not mentioned. It has to give the
    same labels for the same text. Every text is asked for once, as long as the memory holds it. A function
    ``fingerprint`` of its module, if there is one, names what else the labels depend on, such as weights.

    Args:
        path: ``module:function``.
        cache_size: Most texts to remember.

    Raises:
        FunctionLabelerError: If the function cannot be imported, or its weights are missing.
    """

    def __init__(self, path: str | Path, cache_size: int = 65_536, content: None = None) -> None:
        self._arguments = (path, cache_size, None)
        self.rules = str(path)
        self.observations = tuple(OBSERVATIONS)
        self.not_a_finding = frozenset(label_set().not_a_finding)
        self.language = english()
        self._cache = SentenceCache(cache_size)
        self._function = _imported(self.rules)
        self.digest = _digest(self.rules, self._function)

    @property
    def name(self) -> str:
        """The import path, or the name that stands for it."""
        return CHEXBERT if self.rules == CHEXBERT_FUNCTION else self.rules

    def label(self, text: str | float | None) -> dict[str, int | None]:
        """Label one report section, as :meth:`CheXpertLabeler.label` does."""
        (codes,) = self._codes([as_text(text)])
        return {
            name: None if code == ABSENT else code for name, code in zip(OBSERVATIONS, codes, strict=True)
        }

    def label_many(self, texts: Iterable[str | float | None]) -> pd.DataFrame:
        """Label many report sections, as :meth:`CheXpertLabeler.label_many` does."""
        import pandas as pd

        index = texts.index if isinstance(texts, pd.Series) else None
        rows = self._codes([as_text(text) for text in texts])
        table = pd.DataFrame(rows, columns=list(OBSERVATIONS), index=index, dtype="Int8")
        return table.mask(table == ABSENT)

    def explain(self, text: str | float | None) -> list[Mention]:
        """Return nothing: a function does not say which words made it decide."""
        return []

    def _codes(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        known: dict[str, tuple[int, ...]] = {}
        for text in dict.fromkeys(texts):
            if (found := self._cache.get(text)) is not None:
                known[text] = _unpacked(found)
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            for text, codes in zip(new, self._asked(new), strict=True):
                known[text] = codes
                self._cache.put(text, _packed(codes))
        self._cache.count(len(texts) - len(new), len(new))
        return [known[text] for text in texts]

    def _asked(self, texts: list[str]) -> list[tuple[int, ...]]:
        import numpy as np

        returned = self._function(texts)
        try:
            values = np.asarray(returned, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.zeros(0)
        shape = (len(texts), len(OBSERVATIONS))
        codes = np.where(np.isnan(values), ABSENT, values)
        if values.shape != shape or not np.isin(codes, (1, 0, -1, ABSENT)).all():
            raise FunctionLabelerError(
                f"The labeller '{self.rules}' returned {type(returned).__name__} of shape {values.shape} for "
                f"{len(texts)} texts; it must return labels of shape {shape}: 1 positive, 0 negative, "
                "-1 uncertain, 2 or NaN not mentioned."
            )
        return [tuple(int(code) for code in row) for row in codes]


def _packed(codes: Sequence[int]) -> int:
    """Return codes as one number, which is what the memory holds."""
    number = 0
    for code in codes:
        number = number * 4 + (code + 1)
    return number


def _unpacked(number: int) -> tuple[int, ...]:
    codes = []
    for _ in OBSERVATIONS:
        number, rest = divmod(number, 4)
        codes.append(rest - 1)
    return tuple(reversed(codes))


def _imported(path: str) -> Callable[[list[str]], Any]:
    module, _, name = path.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise FunctionLabelerError(
            f"The labeller '{path:.200}' cannot be imported: {error}. Write module:function, and install the "
            "module or put it on PYTHONPATH."
        ) from error
    if not callable(function):
        raise FunctionLabelerError(f"The labeller '{path:.200}' is no function.")
    return function  # type: ignore[no-any-return]


def _digest(path: str, function: Callable[[list[str]], Any]) -> str:
    """SHA-256 of the path, of the file that the function stands in, and of what its module names besides."""
    try:
        file = inspect.getsourcefile(function)
    except TypeError:  # of a built-in function, or an object without a file
        file = None
    source = Path(file).read_bytes() if file is not None else b""
    more = getattr(sys.modules[path.partition(":")[0]], "fingerprint", None)
    try:
        named = str(more()).encode() if callable(more) else b""
    except OSError as error:
        raise FunctionLabelerError(str(error)) from error
    return hashlib.sha256(b"\0".join([path.encode(), source, *([named] if named else [])])).hexdigest()
