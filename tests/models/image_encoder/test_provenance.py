from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.models.image_encoder.provenance import SEEN, corpora_seen, refuse_seen
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from helpers.settings import filled

CONF = Path(__file__).resolve().parents[3] / "conf"
ALL = "torchxrayvision:densenet121-res224-all"


@pytest.mark.parametrize("weights", [ALL, "torchxrayvision:all"])
def test_weights_trained_on_the_corpus_are_refused_with_the_reason_and_others(weights):
    with pytest.raises(ConfigurationError) as refused:
        refuse_seen(weights, "openi", allowed=False)
    message = str(refused.value)
    assert f"'{weights}': these weights were trained on 'openi', test images included" in message
    for name in ("chex", "nih", "mimic_nb"):
        assert f"'torchxrayvision:densenet121-res224-{name}'" in message
    assert "allow_seen_weights" in message


def test_weights_that_have_seen_mimic_are_refused_for_mimic_and_not_suggested():
    for name in ("all", "mimic_nb", "mimic_ch"):
        with pytest.raises(ConfigurationError, match="trained on 'mimic_cxr'") as refused:
            refuse_seen(f"torchxrayvision:densenet121-res224-{name}", "mimic_cxr", allowed=False)
        assert "Use 'torchxrayvision:densenet121-res224-chex'" in str(refused.value)
        assert "Use 'torchxrayvision:densenet121-res224-mimic" not in str(refused.value)


@pytest.mark.parametrize(
    ("weights", "corpus", "allowed"),
    [
        (ALL, "openi", True),
        (ALL, None, False),
        ("torchxrayvision:densenet121-res224-chex", "openi", False),
        ("torchxrayvision:densenet121-res224-nih", "mimic_cxr", False),
        ("torchxrayvision:densenet121-res224-mimic_nb", "openi", False),
        ("imagenet", "openi", False),
        ("none", "openi", False),
        ("/weights/all", "openi", False),
        ("all", "openi", False),
    ],
)
def test_other_weights_are_taken(weights, corpus, allowed):
    refuse_seen(weights, corpus, allowed)


def test_the_table_agrees_with_the_package():
    from torchxrayvision import models

    described = models.model_urls["densenet121-res224-all"]
    for name in ("openi", "mimic", "nih", "google", "rsna", "chex"):
        assert name in described["description"]
    names = {name.removeprefix("densenet121-res224-") for name in models.model_urls}
    assert set(SEEN) <= names
    assert corpora_seen("torchxrayvision:densenet121-res224-pc") == ("padchest",)
    assert corpora_seen("torchxrayvision:densenet121-res224-rsna") == ()
    for corpus, name in (("padchest", "pc"), ("chexpert", "chex")):
        with pytest.raises(ConfigurationError, match=f"trained on '{corpus}'"):
            refuse_seen(f"torchxrayvision:{name}", corpus, allowed=False)


@pytest.mark.parametrize(
    ("environment", "corpus"), [("openi", "openi"), ("mimic_cxr", "mimic_cxr"), ("base", None)]
)
def test_the_environments_say_what_their_images_are(environment, corpus):
    settings: dict[str, object] = {}
    for file in (CONF / environment).glob("parameters*.yml"):
        settings |= (yaml.safe_load(file.read_text()) or {}).get("encoder_pretraining", {})
    assert settings.get("test_corpus") == corpus


def test_the_settings_refuse_them_before_any_work():
    with pytest.raises(ConfigurationError, match="trained on 'openi'"):
        filled(EncoderPretrainingConfig, weights=ALL, test_corpus="openi")
    filled(EncoderPretrainingConfig, weights=ALL, test_corpus="openi", allow_seen_weights=True)
    filled(EncoderPretrainingConfig, weights=ALL)
    with pytest.raises(ConfigurationError, match="test_corpus"):
        filled(EncoderPretrainingConfig, test_corpus="open-i")
