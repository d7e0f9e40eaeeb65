"""What public encoder weights were trained on, so that no test image is one that the encoder has learnt."""

from __future__ import annotations

from coherent_cxr.configuration import ConfigurationError

SEEN = {
    # as torchxrayvision/models.py describes them; its names come with and without a prefix
    "all": ("nih", "padchest", "chexpert", "mimic_cxr", "google", "openi", "rsna"),
    "mimic_nb": ("mimic_cxr",),
    "mimic_ch": ("mimic_cxr",),
    "pc": ("padchest",),
    "chex": ("chexpert",),
}
"""Data sets behind TorchXRayVision's DenseNet-121 weights, where a corpus of ours is among them."""

CLEAN = ("chex", "nih", "mimic_nb", "pc", "rsna")
"""Names to suggest, the best known first; those trained on the corpus are left out of a suggestion."""

XRAYVISION = "torchxrayvision:"
PREFIX = "densenet121-res224-"


def corpora_seen(weights: str) -> tuple[str, ...]:
    """Return the data sets that named encoder weights were trained on, if a corpus of ours is among them.

    Args:
        weights: As the setting ``encoder_pretraining.weights`` names them. ImageNet has no radiographs, and
            a file does not say what it was trained on: both count as not trained on the corpus.
    """
    if not weights.startswith(XRAYVISION):
        return ()
    return SEEN.get(weights.removeprefix(XRAYVISION).removeprefix(PREFIX), ())


def refuse_seen(weights: str, corpus: str | None, allowed: bool) -> None:
    """Refuse encoder weights that were trained on the corpus whose test split is to be described.

    Args:
        weights: As the setting ``encoder_pretraining.weights`` names them.
        corpus: ``openi``, ``mimic_cxr``, ``padchest``, ``chexpert``, or None where no public weights have
            seen the images.
        allowed: Whether such weights are allowed anyway.

    Raises:
        ConfigurationError: If the weights have seen the corpus and that is not allowed.
    """
    if corpus is None or allowed or corpus not in corpora_seen(weights):
        return
    others = [name for name in CLEAN if corpus not in SEEN.get(name, ())][:3]
    suggested = ", ".join(f"'{XRAYVISION}{PREFIX}{name}'" for name in others)
    raise ConfigurationError(
        f"The setting 'encoder_pretraining.weights' is '{weights}': these weights were trained on "
        f"'{corpus}', test images included, so scores on its test split would not be of unseen images. Use "
        f"{suggested}, or set encoder_pretraining.allow_seen_weights to true and say so beside every score."
    )
