"""Further labelled radiographs to learn from, such as NIH or CheXpert, as torchxrayvision reads them."""

from __future__ import annotations

import inspect
import logging
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.observations import FOURTEEN
from coherent_cxr.configuration import ConfigurationError, Settings, require
from coherent_cxr.images.building import build_store
from coherent_cxr.images.preparation import ImagePreparationConfig
from coherent_cxr.images.source import ImageSource, open_source
from coherent_cxr.inputs.limits import MAX_FILE_BYTES
from coherent_cxr.training.encoder.targets import LabelledImages

logger = logging.getLogger(__name__)

FILE_COLUMNS = ("Image Index", "ImageID", "Path", "image_id", "PngPath", "filename", "patientId", "dicom_id")
"""Where the classes of torchxrayvision keep the name of an image's file, the first that is there."""
LATERAL = {"L", "LL", "LATERAL"}


class ExtraImageSet(Settings):
    """One further set of radiographs.

    Attributes:
        dataset: Class of ``torchxrayvision.datasets``, for example ``NIH_Dataset``: it reads the labels.
        images: Folder or .tar of the images, named as in the labels' table; other file types and folders are
            found too. None leaves the set out.
        arguments: Further arguments of the class, such as ``csvpath`` where the package brings no table.
    """

    dataset: str
    images: str | None
    arguments: dict[str, Any] = Field(default_factory=dict)


class ExtraImagesConfig(Settings):
    """Further images for encoder pretraining.

    Attributes:
        sets: The sets.
        labels: The observation that each label of theirs means; labels that are not named here are not used,
            and observations without a label in a set are unknown there and teach nothing.
    """

    sets: tuple[ExtraImageSet, ...]
    labels: dict[str, str]

    def check(self) -> None:
        """Refuse observations that do not exist."""
        for name, observation in self.labels.items():
            known = dict.fromkeys((*OBSERVATIONS, *FOURTEEN))  # CheXpert's teach nothing in another set
            right = f"one of {', '.join(known)}"
            require(observation in known, f"extra_images.labels.{name}", observation, right)


class ExtraImages(NamedTuple):
    """Further images, and what was left out of them.

    Attributes:
        sources: One per set.
        exclusions: ``set``, ``id``, ``reason``, ``detail`` of each image that is not used.
    """

    sources: list[LabelledImages]
    exclusions: pd.DataFrame


def read_extra_images(config: ExtraImagesConfig, preparation: ImagePreparationConfig) -> ExtraImages:
    """Decode further sets by the rules that prepare the corpus' own images, and map their labels to ours.

    Args:
        config: The sets, and what their labels mean.
        preparation: Size, workers and work folder of the corpus' images.

    Returns:
        The images with targets of the 14 observations.

    Raises:
        ConfigurationError: If a class is unknown, its table cannot be read, or a set has no image of it.
        ImageSourceError: If a folder or archive cannot be opened.
    """
    sources, excluded = [], []
    for one in config.sets:
        if one.images is None:
            logger.info("The extra image set %s has no images configured and is left out.", one.dataset)
            continue
        labels = _mapped_labels(_labels(one), config.labels, one.dataset)
        source = open_source(one.images, by_path=True)
        found, left_out = _files_of(labels.index, source)
        if not found:
            raise ConfigurationError(
                f"Not one of {len(source)} images in {one.images} is in the labels of {one.dataset}. Give "
                "extra_images.sets the folder of that set's own images, and its table by `csvpath`."
            )
        requested = pd.DataFrame({"image_id": list(found), "study_id": list(found), "view": "frontal"})
        store, remarkable = build_store(
            requested, source, preparation.size, Path(preparation.work_dir), preparation.workers
        )
        left_out += [(image.image_id, image.reason, image.detail) for image in remarkable if image.reason]
        excluded += [(one.dataset, *row) for row in left_out]
        values = labels.iloc[[found[image] for image in store.index["image_id"]]].to_numpy(np.float32)
        sources.append(
            LabelledImages(
                store,
                store.index["row"].to_numpy(np.int64),
                [f"{one.dataset}:{image}" for image in store.index["image_id"]],
                np.nan_to_num(values),
                ~np.isnan(values),
            )
        )
        logger.info(
            "%s: %d further images to learn from, %d left out.", one.dataset, len(store), len(left_out)
        )
    columns = ["set", "id", "reason", "detail"]
    return ExtraImages(sources, pd.DataFrame(excluded, columns=columns).astype("str"))


def _labels(one: ExtraImageSet) -> pd.DataFrame:
    """Return the labels of a set (1, 0, NaN where unknown), indexed by the name of each image's file."""
    import torchxrayvision

    known: dict[str, Any] = {
        name: found
        for name, found in vars(torchxrayvision.datasets).items()
        if inspect.isclass(found)
        and issubclass(found, torchxrayvision.datasets.Dataset)
        and "imgpath" in inspect.signature(found).parameters
    }
    require(one.dataset in known, "extra_images.sets.dataset", one.dataset, f"one of {', '.join(known)}")
    accepted = inspect.signature(known[one.dataset]).parameters
    arguments = {
        # by default torchxrayvision takes one image of a patient, and the views from behind alone
        **{
            key: value
            for key, value in (("unique_patients", False), ("views", ["PA", "AP"]))
            if key in accepted
        },
        **one.arguments,
    }
    try:
        # an archive's folder serves: the class only wants one, the images are read by our own rules
        folder = images if (images := Path(str(one.images))).is_dir() else images.parent
        dataset = known[one.dataset](imgpath=str(folder), **arguments)
        column = next(column for column in FILE_COLUMNS if column in dataset.csv.columns)
    except StopIteration:
        raise ConfigurationError(
            f"The table of {one.dataset} has none of the columns {', '.join(FILE_COLUMNS)}, so its images "
            "cannot be found."
        ) from None
    except Exception as error:  # third-party code on a user's table: any error is a wrong setting
        raise ConfigurationError(
            f"torchxrayvision's {one.dataset} cannot read its table ({type(error).__name__}: "
            f"{str(error)[:200]}). Correct extra_images.sets: `arguments` are those of the class."
        ) from error
    return pd.DataFrame(
        np.asarray(dataset.labels, dtype=np.float32),
        index=dataset.csv[column].astype(str).fillna("").to_numpy(),  # a row that names no file has none
        columns=list(dataset.pathologies),
    )


def _mapped_labels(labels: pd.DataFrame, meaning: Mapping[str, str], dataset: str) -> pd.DataFrame:
    """Return the 14 observations: positive where a label that means it is, unknown where none is known."""
    mapped = pd.DataFrame(np.nan, index=labels.index, columns=list(OBSERVATIONS), dtype=np.float32)
    for observation in OBSERVATIONS:
        columns = [name for name in labels.columns if meaning.get(name) == observation]
        if columns:
            mapped[observation] = labels[columns].max(axis=1)
    if mapped.isna().all(axis=None):
        raise ConfigurationError(
            f"extra_images.labels gives no meaning to any label of {dataset}: {', '.join(labels.columns)}."
        )
    return mapped


def _files_of(names: pd.Index[str], source: ImageSource) -> tuple[dict[str, int], list[tuple[str, str, str]]]:
    """Find the table's row of each image by its file's name without folder and ending.

    Returns:
        Row by image id, in the source's order; and (id, reason, detail) of files that are not used.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        rows[PurePosixPath(name).stem].append(row)
    found: dict[str, int] = {}
    left_out: list[tuple[str, str, str]] = []
    for image, file in sorted(source.files.items()):
        candidates = rows.get(PurePosixPath(image).name, [])
        if (
            len(candidates) > 1
        ):  # CheXpert's files are all called view1_frontal: only the whole path is unique
            candidates = [row for row in candidates if _same_path(names[row], image)]
        if file.length > MAX_FILE_BYTES:
            left_out.append((image, "file_too_large", f"Its file has more than {MAX_FILE_BYTES:,} bytes."))
        elif len(candidates) == 1:
            found[image] = candidates[0]
        else:
            left_out.append((image, "not_in_table", "The set's table has no such image, or more than one."))
    return found, left_out


def _same_path(named: str, path: str) -> bool:
    """Tell whether the longer of two paths ends with the other, folder by folder."""
    parts = PurePosixPath(named).with_suffix("").parts, PurePosixPath(path).parts
    shorter, longer = sorted(parts, key=len)
    return longer[len(longer) - len(shorter) :] == shorter
