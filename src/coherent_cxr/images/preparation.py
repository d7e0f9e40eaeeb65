"""Choosing which images of a corpus are prepared, and accounting for every one that is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from coherent_cxr.configuration import AtOnce, Settings, require
from coherent_cxr.images.building import build_store
from coherent_cxr.images.recognition.checks import ImageChecks
from coherent_cxr.images.recognition.chest_likeness import ChestLikeness
from coherent_cxr.images.recognition.view_classifier import ViewClassifier
from coherent_cxr.images.recognition.views import complete_views
from coherent_cxr.images.source import ImageSource, open_source
from coherent_cxr.images.store import VIEW_ORDER, ImageStore
from coherent_cxr.inputs.limits import MAX_FILE_BYTES

View = Literal["frontal", "lateral", "unknown"]


class ImagePreparationConfig(Settings):
    """Settings of the stage ``image_preparation``.

    Attributes:
        size: Side of the stored square images in pixels.
        views: Views to keep; images whose view nobody knows are "unknown".
        max_images_per_study: Most images of one study, frontal first; null keeps all.
        drop_variants: Leave out images that repeat another of their study and view with other brightness or
            contrast.
        classify_views: Find out views that the corpus does not state, see
            :func:`coherent_cxr.images.recognition.views.complete_views`.
        workers: Decoding threads; null uses all cores.
        work_dir: Where stores are made and kept by content, so that equal stores are decoded once.
    """

    size: Annotated[int, Field(ge=32, le=4096)]
    views: tuple[View, ...]
    max_images_per_study: PositiveInt | None
    drop_variants: bool
    classify_views: bool
    workers: AtOnce | None
    work_dir: str

    def check(self) -> None:
        """Refuse values that cannot work."""
        require(bool(self.views), "image_preparation.views", self.views, "at least one view")


@dataclass(frozen=True)
class RadiographsManifest:
    """Where a corpus' radiographs are.

    Attributes:
        root: Folder or archive of images named by image_id.
        drawn: Whether they are phantoms; those are all frontal, whatever view the report's own image had.
        notice: Their licence, or that they are synthetic.
        by_path: Whether images are named by their files' whole paths, not by the names alone.
    """

    root: str
    drawn: bool
    notice: str
    by_path: bool = False

    @classmethod
    def from_dict(cls, manifest: Mapping[str, Any]) -> RadiographsManifest:
        """Read a manifest as the stage ``fabrication`` wrote it; further keys are ignored."""
        by_path = bool(manifest.get("by_path", False))  # one of an earlier release has none
        return cls(str(manifest["root"]), bool(manifest["drawn"]), str(manifest["notice"]), by_path)

    def open(self) -> ImageSource:
        """Open the images.

        Raises:
            ImageSourceError: If they cannot be opened.
        """
        return open_source(self.root, by_path=self.by_path)


class PreparedImages(NamedTuple):
    """What the stage makes: the store, and the tables that :func:`prepare_images` describes."""

    store: ImageStore
    exclusions: pd.DataFrame
    notes: pd.DataFrame
    views: dict[str, Any]
    checks: dict[str, Any]


def prepare_images(
    config: ImagePreparationConfig,
    images: pd.DataFrame,
    study_ids: Iterable[str],
    radiographs: RadiographsManifest,
) -> PreparedImages:
    """Prepare the images of all studies that have findings.

    Args:
        config: Settings.
        images: image_id, study_id, view.
        study_ids: Studies with findings.
        radiographs: Where the files are.

    Returns:
        The store. The exclusions (id, reason, detail): one row per image, be it of the table or only a file,
        that is not in the store, and one with the study's own id (reason ``study_without_image``) per study
        that has none left. The notes (id, note, detail) on stored images whose files are odd, such as DICOM
        files with names in them. How views were found out that the corpus does not state. Last, what
        :class:`~coherent_cxr.images.recognition.checks.ImageChecks` knows, for the bundle of a model trained
        on the store.

    Raises:
        ImageSourceError: If the radiographs cannot be opened.
        RuntimeError: If images in differ from images out plus exclusions.
    """
    studies = list(dict.fromkeys(study_ids))
    source = radiographs.open()
    images = adopt_images(images, source)
    if radiographs.drawn:
        images = images.assign(
            view=images["view"].where(~images["image_id"].isin(set(source.files)), "frontal")
        )
    view_report: dict[str, Any] = {}
    classifier: ViewClassifier | None = None
    if config.classify_views and not radiographs.drawn:
        with_findings = images["study_id"].isin(set(studies))
        completed, view_report, classifier = complete_views(images[with_findings], source)
        images = pd.concat([completed, images[~with_findings]]).loc[images.index]
    requested, excluded = select_images(config, images, studies, source, radiographs)
    store, remarkable = build_store(
        requested,
        source,
        config.size,
        Path(config.work_dir),
        config.workers,
        drop_variants=config.drop_variants,
    )
    excluded += [(one.image_id, one.reason, one.detail) for one in remarkable if one.reason]
    notes = [(one.image_id, *note) for one in remarkable for note in one.notes]
    if len(store) + len(excluded) != len(images):
        raise RuntimeError(
            f"{len(images)} images came in, but {len(store)} stored and {len(excluded)} excluded make "
            f"{len(store) + len(excluded)}; please report this."
        )
    for stray in sorted(set(source.files) - set(images["image_id"])):
        excluded.append((stray, "image_in_no_study", f"No report names the file {source.files[stray].path}."))
    without = sorted(set(studies) - set(store.index["study_id"]))
    excluded += [
        (study, "study_without_image", f"No image of the study {study} is left.") for study in without
    ]
    return PreparedImages(
        store,
        pd.DataFrame(excluded, columns=["id", "reason", "detail"]).astype("str"),
        pd.DataFrame(notes, columns=["id", "note", "detail"]).astype("str"),
        view_report,
        learn_checks(config, store, classifier).as_dict(),
    )


def learn_checks(
    config: ImagePreparationConfig, store: ImageStore, classifier: ViewClassifier | None
) -> ImageChecks:
    """Learn what to check in a single image before a model trained on the store reads it.

    Args:
        config: Settings; where laterals are prepared too, they are nothing to warn of.
        store: The prepared images.
        classifier: What tells laterals from frontals, if it could be learnt.

    Returns:
        The checks that there were enough images for.
    """
    rows = store.index.loc[store.index["view"] != "lateral", "row"].to_numpy(dtype=np.int64)
    laterals_read = "lateral" in config.views
    return ImageChecks(classifier, ChestLikeness.learn(store.pixels, rows), laterals_read)


def adopt_images(images: pd.DataFrame, source: ImageSource) -> pd.DataFrame:
    """Let the files of a source bear the names that a table of images has for them.

    Args:
        images: image_id, view and perhaps view_source.
        source: The files; their names are changed in its index.

    Returns:
        The table; of images whose files are a guess (:attr:`.ImageSource.numbered`) the view is one too.
    """
    frontal_first = images["view"].map(VIEW_ORDER).sort_values(kind="stable").index
    source.adopt(images.loc[frontal_first, "image_id"])
    if not source.numbered or "view_source" not in images:
        return images
    guessed = images["image_id"].isin(source.numbered)
    return images.assign(view_source=images["view_source"].mask(guessed, "rule"))


def select_images(
    config: ImagePreparationConfig,
    images: pd.DataFrame,
    study_ids: Iterable[str],
    source: ImageSource,
    radiographs: RadiographsManifest,
) -> tuple[pd.DataFrame, list[tuple[str, str, str]]]:
    """Split a table of images into those to decode and those to leave out.

    Args:
        config: Settings.
        images: image_id, study_id, view.
        study_ids: Studies with findings.
        source: Index of the files.
        radiographs: Where the files are.

    Returns:
        The images to decode in the table's order, and (id, reason, detail) of all others.
    """
    with_findings = set(study_ids)
    absent = "not_drawn" if radiographs.drawn else "missing_image"
    excluded: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    candidates: list[int] = []
    for row, (image_id, study_id, view) in enumerate(
        images[["image_id", "study_id", "view"]].itertuples(index=False)
    ):
        if image_id in seen:
            excluded.append((image_id, "duplicate_image", f"The image {image_id} is listed twice."))
        elif study_id not in with_findings:
            excluded.append(
                (image_id, "study_without_findings", f"The study {study_id} has no findings section.")
            )
        elif image_id not in source:
            excluded.append((image_id, absent, f"There is no file of this name in {source.root.name}."))
        elif source.files[image_id].length > MAX_FILE_BYTES:
            excluded.append((image_id, "file_too_large", f"Its file has more than {MAX_FILE_BYTES:,} bytes."))
        elif view not in config.views:
            excluded.append((image_id, "view_not_selected", f"Its view is {view}."))
        else:
            candidates.append(row)
        seen.add(image_id)
    requested = images.iloc[candidates]
    if config.max_images_per_study is not None:
        rank = requested.assign(order=requested["view"].map(VIEW_ORDER)).sort_values("order", kind="stable")
        keep = rank.groupby("study_id").cumcount() < config.max_images_per_study
        keep = keep.reindex(requested.index)
        detail = f"The study has {config.max_images_per_study} other image(s) already."
        excluded += [
            (image_id, "beyond_image_limit", detail) for image_id in requested.loc[~keep, "image_id"]
        ]
        requested = requested[keep]
    return requested, excluded
