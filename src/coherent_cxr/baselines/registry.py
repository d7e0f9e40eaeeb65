"""The compared systems by name: one file and one line each."""

from __future__ import annotations

from typing import Final

from coherent_cxr.baselines.constant import Constant
from coherent_cxr.baselines.nearest import NearestNeighbour
from coherent_cxr.baselines.retrieval import Retriever

SYSTEMS: Final[dict[str, type[Retriever]]] = {
    "constant": Constant,
    "1-nn": NearestNeighbour,
}
