"""Exported programs write the generator's own reports, with PyTorch and nothing of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from coherent_cxr.inference.attention import image_features
from coherent_cxr.inference.decoding import decode, word_ids
from coherent_cxr.models.bundle import ModelBundle
from coherent_cxr.models.config import GeneratorConfig
from coherent_cxr.models.exporting import export_model
from coherent_cxr.models.generator import ReportGenerator
from coherent_cxr.reports.finding_tokens import finding_tokens_of
from coherent_cxr.reports.vocabulary import Vocabulary
from helpers.settings import filled

COUNT, SIDE = 200, 32
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 4, 4), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
WORDS = ["heart", "lungs", "effusion", "no", "pneumothorax", "is", "seen", "edema", "xxxx"]
REPORTS = """
import json, pathlib, sys, numpy, torch
sys.path.insert(0, sys.argv[1])
import generate
model = generate.ExportedModel(pathlib.Path(sys.argv[1]))
images = torch.from_numpy(numpy.load(sys.argv[2]))
parts = [images[:1], images[1:40], images[40:]]
reports = [report for part in parts for report in model.generate(part)]
assert not [name for name in sys.modules if name.startswith("coherent_cxr")]
print(json.dumps([reports, model.text(reports[0])]))
"""


def make_bundle() -> ModelBundle:
    tokens = finding_tokens_of(["Edema", "Pleural Effusion"])
    vocabulary = Vocabulary.from_counts(dict.fromkeys(WORDS, 5), 1, tokens)
    sizes = {"size": 16, "attention_size": 8, "dropout": 0.0, "max_sentences": 6, "max_words": 7}
    config = filled(GeneratorConfig, encoder="mobilenet_v3_large", sentence_feedback=True, **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = ReportGenerator.of_vocabulary(config, vocabulary).state_dict()
    bundle = ModelBundle(config, vocabulary, SIDE, weights, {})
    # so that reports differ from image to image
    features = image_features(bundle.build(), IMAGES).flatten(0, 1)
    projected = (features - features.mean(dim=0)) @ weights["encoder.projection.weight"].T
    scale = 2 / projected.std()
    weights["encoder.projection.weight"] *= scale
    weights["encoder.projection.bias"] = -(weights["encoder.projection.weight"] @ features.mean(dim=0))
    for name, weight in weights.items():
        if weight.is_floating_point() and not name.startswith("encoder."):
            weights[name] = weight * 3
    return bundle


@pytest.mark.slow
def test_reports_of_200_images_are_those_of_the_generator(tmp_path: Path) -> None:
    bundle = make_bundle()
    model = bundle.build()
    ours = word_ids(decode(model, model.encoder(image_features(model, IMAGES))).reports)
    assert len({str(report) for report in ours}) > COUNT / 4
    export_model(bundle, tmp_path / "exported", "Not for clinical use.")
    np.save(tmp_path / "images.npy", IMAGES)
    command = [sys.executable, "-c", REPORTS, str(tmp_path / "exported"), str(tmp_path / "images.npy")]
    told = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": ""}, capture_output=True, text=True, check=True
    )
    reports, text = json.loads(told.stdout)
    assert reports == ours
    first = [[w for w in sentence if w not in bundle.vocabulary.finding_token_ids] for sentence in ours[0]]
    assert text == " ".join(f"{' '.join(bundle.vocabulary.tokens[w] for w in words)}." for words in first)
