"""The baselines answer for the test studies; those that learn are trained first."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from coherent_cxr.baselines.captioners.captioner import Captioner, CaptionerConfig
from coherent_cxr.baselines.label_classifier import LabelClassifier
from coherent_cxr.baselines.labels import LabelGuesser
from coherent_cxr.baselines.medoid import LabelOracle, Medoid
from coherent_cxr.baselines.registry import SYSTEMS
from coherent_cxr.baselines.retrieval import Retriever, Tokens, TrainingImages
from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.codes import ABSENT, label_codes
from coherent_cxr.configuration import Settings, require
from coherent_cxr.images.store import ImageStore
from coherent_cxr.inference.feature_cache import cached_features
from coherent_cxr.models.bundle import weights_digest
from coherent_cxr.models.image_encoder.precision import Precision
from coherent_cxr.models.image_encoder.pretrained import PretrainedEncoder
from coherent_cxr.reports.text import detokenize
from coherent_cxr.reports.vocabulary import Vocabulary
from coherent_cxr.runtime.fingerprint import encoder_code, fingerprint
from coherent_cxr.training.baselines.captioner import (
    CaptionData,
    CaptioningConfig,
    CaptionSamples,
    train_captioner,
    write_captions,
)
from coherent_cxr.training.engine.history import History


class BaselinesConfig(Settings):
    """Settings of the stage ``baselines``.

    Attributes:
        systems: Systems to build, by their names in the registry; ``all`` builds every one.
        captioner: Sizes of the neural text-generating baselines.
        training: How they are trained.
        precision: Number format of the encoder.
        checkpoint_folder: Where image features and checkpoints are kept.
    """

    systems: tuple[str, ...] | Literal["all"]
    captioner: CaptionerConfig
    training: CaptioningConfig
    precision: Precision
    checkpoint_folder: str

    def check(self) -> None:
        """Refuse systems that do not exist."""
        for name in self.chosen:
            require(name in SYSTEMS, "baselines.systems", name, f"one of {', '.join(SYSTEMS)}")

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the systems to build."""
        return tuple(SYSTEMS) if self.systems == "all" else tuple(self.systems)


class ComparedSystems(NamedTuple):
    """What the baselines are, and their answers.

    Attributes:
        reports: ``system``, ``study_id``, ``tokens``, ``report``.
        labels: ``system``, ``study_id`` and the 14 observations, of label baselines.
        models: Weights of those that learn, ``<system>/<parameter>``.
        history: Their training (step, epoch, split, metric, value, system).
    """

    reports: pd.DataFrame
    labels: pd.DataFrame
    models: dict[str, Tensor]
    history: pd.DataFrame


class _Studies(NamedTuple):
    """Images of a split: rows of the store, encoded and plain reports, label codes, one entry per image."""

    rows: list[int]
    encoded: list[list[list[int]]]
    reports: list[Tokens]
    codes: NDArray[np.int8]

    def samples(self, max_words: int) -> CaptionSamples:
        """Return the entries as training samples."""
        return CaptionSamples.of(self.rows, self.encoded, self.codes, max_words)


def run_baselines(
    config: BaselinesConfig,
    store: ImageStore,
    encoder: PretrainedEncoder,
    vocabulary: Vocabulary,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
    label_calls: pd.DataFrame,
    study_ids: Sequence[str],
) -> ComparedSystems:
    """Build every configured system from the training split and let it answer for studies.

    Args:
        config: The stage's settings.
        store: Prepared images.
        encoder: The pretrained encoder, which stays frozen.
        vocabulary: Words by id.
        encoded_reports: ``study_id``, ``split``, ``sentences`` of word ids.
        findings: ``study_id``, ``tokens``.
        labels: ``study_id`` and the 14 observations.
        label_calls: ``study_id`` and the 14 observations, as the encoder's classifier calls them.
        study_ids: Studies to answer for, each with at least one stored image.

    Raises:
        ValueError: If there is nothing to learn from, or for a neural baseline to validate on.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    folder = Path(config.checkpoint_folder)
    backbone = encoder.backbone().to(device)
    cached = cached_features(backbone, store, folder, config.precision, device)
    digest = fingerprint(weights_digest(backbone.state_dict()), encoder_code(backbone.name), store.digest)
    train = _of_split("train", None, store, vocabulary, encoded_reports, findings, labels)
    validation = _of_split("validation", 1, store, vocabulary, encoded_reports, findings, labels)
    writes = any(issubclass(SYSTEMS[name], Captioner) for name in config.chosen)
    for split, studies in (("train", train), ("validation", validation)):
        if not studies.rows and (split == "train" or writes):
            raise ValueError(
                f"No study of the split '{split}' has both a report and an image, so no system can be built. "
                "Look at the image exclusions, or use more studies."
            )
    rows = np.asarray([store.rows_of_study(study)[0] for study in study_ids], dtype=np.int64)

    def features(chosen: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(cached[chosen]).to(device).float()

    longest = config.captioner.max_words
    captioner = config.captioner.replace(channels=backbone.channels)
    data = CaptionData(train.samples(longest), validation.samples(longest), features, digest)
    reports, guesses, histories = [], [], []
    models: dict[str, Tensor] = {}
    for name in config.chosen:
        system = SYSTEMS[name]
        if issubclass(system, LabelGuesser):
            guesses.append(_label_table(name, study_ids, system().guess(train.codes, len(study_ids))))
        elif issubclass(system, LabelClassifier):
            guesses.append(_label_table(name, study_ids, _codes(label_calls, study_ids)))
        elif issubclass(system, Medoid):
            once = _of_split("train", 1, store, vocabulary, encoded_reports, findings, labels)
            called = _codes(labels if system is LabelOracle else label_calls, study_ids) == 1
            chosen = system().choose(once.reports, once.codes == 1, called)
            reports.append(_report_table(name, study_ids, [once.reports[row] for row in chosen]))
        elif issubclass(system, Retriever):
            training = TrainingImages(train.reports, _means(cached, train.rows))
            chosen = system().choose(training, _means(cached, rows))
            reports.append(_report_table(name, study_ids, [train.reports[row] for row in chosen]))
        else:
            build = functools.partial(system, captioner, len(vocabulary))
            trained = train_captioner(name, build, config.training, data, folder, device)
            generated = write_captions(
                trained.model, rows, features, vocabulary, config.training.seed, device
            )
            reports.append(_report_table(name, study_ids, generated))
            models |= {f"{name}/{key}": value.cpu() for key, value in trained.model.state_dict().items()}
            histories.append(trained.history.assign(system=name))
    no_labels = _label_table("", [], np.zeros((0, len(OBSERVATIONS)), np.int8))
    return ComparedSystems(
        _stacked(reports, _report_table("", [], [])),
        _stacked(guesses, no_labels),
        models,
        _stacked(histories, History().table().assign(system=pd.Series(dtype=object))),
    )


def _stacked(tables: Sequence[pd.DataFrame], if_none: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else if_none


def _of_split(
    split: str,
    images_per_study: int | None,
    store: ImageStore,
    vocabulary: Vocabulary,
    encoded_reports: pd.DataFrame,
    findings: pd.DataFrame,
    labels: pd.DataFrame,
) -> _Studies:
    of_split = encoded_reports[encoded_reports["split"] == split]
    encoded = dict(zip(of_split["study_id"], of_split["sentences"], strict=True))
    plain = dict(zip(findings["study_id"], findings["tokens"], strict=True))
    entries = [(study, row) for study in encoded for row in store.rows_of_study(study)[:images_per_study]]
    studies = [study for study, _ in entries]
    return _Studies(
        [row for _, row in entries],
        # finding tokens belong to the generator alone
        [[vocabulary.without_finding_token(sentence) for sentence in encoded[study]] for study in studies],
        [[[str(word) for word in sentence] for sentence in plain[study]] for study in studies],
        _codes(labels, studies),
    )


def _codes(labels: pd.DataFrame, study_ids: Sequence[str]) -> NDArray[np.int8]:
    return label_codes(labels.set_index("study_id").loc[list(study_ids)], OBSERVATIONS)


def _means(features: NDArray[np.float16], rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
    if not len(rows):
        return np.zeros((0, features.shape[-1]), dtype=np.float32)
    return np.stack([features[row].astype(np.float32).mean(axis=0) for row in rows])


def _report_table(system: str, study_ids: Sequence[str], reports: Sequence[Tokens]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "system": [system] * len(study_ids),
            "study_id": list(study_ids),
            "tokens": list(reports),
            "report": [detokenize(report) for report in reports],
        }
    )


def _label_table(system: str, study_ids: Sequence[str], codes: NDArray[np.int8]) -> pd.DataFrame:
    table = pd.DataFrame({"system": [system] * len(study_ids), "study_id": list(study_ids)})
    for column, name in enumerate(OBSERVATIONS):
        table[name] = pd.arrays.IntegerArray(codes[:, column].copy(), codes[:, column] == ABSENT)
    return table
