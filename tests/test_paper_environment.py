"""The environment `paper`: the paper's recipe loads as it says, and its path trains end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from base_settings import CONF, merged, parameters

from coherent_cxr.chexpert.tables import ChexpertLabellingConfig, label_table
from coherent_cxr.inference.generation import GenerationConfig, generate_reports
from coherent_cxr.pipelines.mle_training.nodes import count_document_frequencies, train_mle
from coherent_cxr.pipelines.rl_fine_tuning.nodes import fine_tune
from coherent_cxr.pipelines.systems import Systems
from coherent_cxr.reports.findings import FindingsExtractionConfig
from coherent_cxr.reports.text import detokenize
from coherent_cxr.training.mle.config import MleTrainingConfig
from coherent_cxr.training.scst.config import RlFineTuningConfig
from helpers.training_corpus import ENCODER, Corpus


def paper() -> dict[str, Any]:
    return parameters("paper")


def test_the_recipe_is_what_the_environment_says() -> None:
    given = paper()
    assert Systems.of(given) == Systems(("nlg", "ccr", "full"), "full")
    assert given["encoder_pretraining"]["encoder"] == "densenet121"
    assert (given["image_preparation"]["size"], given["encoder_pretraining"]["epochs"]) == (256, 0)
    words = given["vocabulary_building"]
    assert (words["sentence_order"], words["finding_tokens"]) == ("as_written", False)
    assert (given["generation"]["beams"], given["generation"]["decided"]) == (4, [])
    mle = MleTrainingConfig(**given["mle_training"])
    assert (mle.encoder, mle.generator.study_input, mle.generator.sentence_feedback) == (
        "trainable",
        "per_image",
        False,
    )
    assert mle.sampling_step > 0 == mle.sentinel_weight
    systems = {name: RlFineTuningConfig(**given[name]["rl_fine_tuning"]) for name in ("nlg", "ccr", "full")}
    followed = {
        name: {reward: (own.weight, own.baseline) for reward, own in config.rewards.items() if own.weight}
        for name, config in systems.items()
    }
    cider, ccr = ("greedy", "moving_average")
    assert followed == {
        "nlg": {"cider": (1.0, cider)},
        "ccr": {"ccr": (1.0, ccr)},
        "full": {"cider": (1.0, cider), "ccr": (10.0, ccr)},
    }
    assert {(config.samples, config.temperature, config.gamma) for config in systems.values()} == {
        (1, 1.0, 0.95)
    }


def test_what_is_not_read_in_the_paper_is_marked() -> None:
    lines = (CONF / "paper" / "parameters.yml").read_text(encoding="utf-8").splitlines()
    settings = [line for line in lines if line.startswith("  ") and not line.strip().startswith("#")]
    assert len(settings) > 40
    assert sum("[recalled]" in line for line in lines) > 8
    assert sum("[ours]" in line for line in lines) > 8
    assert yaml.safe_load("\n".join(lines))


@pytest.mark.slow  # five trainings of seconds
def test_the_papers_path_trains_end_to_end(corpus: Corpus, tmp_path: Path) -> None:
    given = paper()
    small = {"epochs": 1, "batch_size": 8, "precision": "fp32", "checkpoint_folder": str(tmp_path)}
    generator = {"encoder": ENCODER, "size": 16, "attention_size": 8, "max_sentences": 3, "max_words": 6}
    mle = MleTrainingConfig(
        **merged(
            MleTrainingConfig,
            given["mle_training"],
            # the chance of sampled words has grown after one epoch instead of eight
            {**small, "epochs": 2, "sampling_every": 1, "generator": generator, "examples": 0},
        )
    )
    labelling = ChexpertLabellingConfig(**given["chexpert_labelling"])
    findings = corpus.findings.assign(text=corpus.findings["tokens"].map(detokenize))
    labels = label_table(labelling.labeler(), findings)
    frequencies = count_document_frequencies(corpus.findings, corpus.splits)
    bundle, history, _, _ = train_mle(
        mle,
        corpus.store,
        corpus.encoder.to_tensors(),
        corpus.vocabulary.to_dict(),
        corpus.encoded_reports,
        findings,
        labels,
        frequencies,
        labelling,
        FindingsExtractionConfig(**given["findings_extraction"]),
    )
    assert history.loc[history["metric"] == "sampling", "value"].max() == pytest.approx(0.05)
    start = corpus.encoder.backbone_state()
    moved = [n for n, value in start.items() if not (bundle.weights[f"encoder.backbone.{n}"] == value).all()]
    assert moved  # end to end
    for system in ("nlg", "ccr", "full"):
        config = RlFineTuningConfig(
            **merged(RlFineTuningConfig, given[system]["rl_fine_tuning"], {**small, "validation_samples": 0})
        )
        model, trained = fine_tune(
            config,
            bundle,
            corpus.store,
            corpus.encoded_reports,
            findings,
            labels,
            frequencies,
            labelling,
        )
        assert model.digest != bundle.digest
        assert model.metadata["label_rules"] == "original"
        averages = trained["metric"].str.fullmatch("ccr_average/.*")
        assert trained.loc[averages, "metric"].nunique() == 13  # one for each observation
    generation = GenerationConfig(
        **{**given["generation"], "batch_size": 4, "precision": "fp32", "checkpoint_folder": None}
    )
    written = generate_reports(
        model, corpus.store, corpus.findings["study_id"].tolist()[:3], generation, None, None
    )
    assert len(written) == 3
