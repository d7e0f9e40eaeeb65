"""The baselines by name: one file and one line each."""

from __future__ import annotations

from typing import Final

from coherent_cxr.baselines.captioners.captioner import Captioner
from coherent_cxr.baselines.captioners.noise_rnn import NoiseRnn
from coherent_cxr.baselines.captioners.show_and_tell import ShowAndTell
from coherent_cxr.baselines.captioners.show_attend_and_tell import ShowAttendAndTell
from coherent_cxr.baselines.captioners.tienet import TieNet
from coherent_cxr.baselines.constant import Constant
from coherent_cxr.baselines.label_classifier import LabelClassifier
from coherent_cxr.baselines.labels import LabelGuesser
from coherent_cxr.baselines.major_class import MajorClass
from coherent_cxr.baselines.medoid import LabelOracle, Medoid
from coherent_cxr.baselines.nearest import NearestNeighbour
from coherent_cxr.baselines.retrieval import Retriever

SYSTEMS: Final[dict[str, type[LabelGuesser | LabelClassifier | Retriever | Medoid | Captioner]]] = {
    "major class": MajorClass,
    "constant": Constant,
    "noise-rnn": NoiseRnn,
    "1-nn": NearestNeighbour,
    "label classifier": LabelClassifier,
    "medoid": Medoid,
    "medoid of the true labels": LabelOracle,
    "show and tell": ShowAndTell,
    "show, attend and tell": ShowAttendAndTell,
    "tienet": TieNet,
}
