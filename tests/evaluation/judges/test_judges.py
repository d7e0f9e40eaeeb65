"""Optional judges: what they say when they cannot run; CheXbert and BERTScore in tiny real architectures."""

from __future__ import annotations

import sys
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from coherent_cxr.chexpert import OBSERVATIONS
from coherent_cxr.chexpert.function_labeller import FunctionLabelerError
from coherent_cxr.chexpert.opening import labeler_of
from coherent_cxr.chexpert.tables import ChexpertLabellingConfig
from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.evaluation.config import EvaluationConfig
from coherent_cxr.evaluation.judges.bertscore import BertScore, matched_f1
from coherent_cxr.evaluation.judges.chexbert import CheXbert
from coherent_cxr.evaluation.judges.chexbert_model import HEADS, CheXbertModel
from coherent_cxr.evaluation.judges.green import Green
from coherent_cxr.evaluation.judges.interface import JudgesConfig
from coherent_cxr.evaluation.judges.radgraph import RadGraph
from coherent_cxr.evaluation.judges.registry import JUDGES, not_run, usable_judges
from coherent_cxr.evaluation.metrics.measures import Metric
from helpers.settings import filled

needs_transformers = pytest.mark.skipif(
    find_spec("transformers") is None, reason="needs the optional package transformers"
)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "heart", "enlarged", "no", "effusion", "."]


def test_without_weights_every_judge_says_how_to_get_them_and_none_runs():
    sentences = not_run(filled(JudgesConfig))
    assert set(sentences) == {judge.name for judge in JUDGES}
    for name, sentence in sentences.items():
        assert sentence.startswith(name)
        assert "set evaluation.judges." in sentence
    assert usable_judges(filled(EvaluationConfig).judges) == []


def test_chexbert_as_labeller_without_weights_stops_before_any_work(tmp_path, monkeypatch):
    monkeypatch.delenv("COHERENT_CXR_CHEXBERT", raising=False)
    with pytest.raises(ConfigurationError, match="Set COHERENT_CXR_CHEXBERT to a folder"):
        filled(ChexpertLabellingConfig, rules="chexbert")
    monkeypatch.setenv("COHERENT_CXR_CHEXBERT", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"finds no chexbert\.pth in"):
        filled(ChexpertLabellingConfig, beside="chexbert")
    with pytest.raises(FunctionLabelerError, match=r"finds no chexbert\.pth in"):
        labeler_of("chexbert", 0)


def test_a_place_that_is_not_there_is_named():
    assert (
        "'/nowhere/chexbert.pth', which is not there"
        in not_run(filled(JudgesConfig, chexbert="/nowhere/chexbert.pth"))["CheXbert"]
    )


@pytest.mark.skipif(find_spec("transformers") is not None, reason="needs to be without transformers")
def test_without_transformers_the_extra_is_named(tmp_path):
    for place in ("chexbert.pth", "vocab.txt"):
        (tmp_path / place).touch()
    config = filled(
        JudgesConfig,
        chexbert=str(tmp_path / "chexbert.pth"),
        bert_vocabulary=str(tmp_path / "vocab.txt"),
        bertscore=str(tmp_path),
    )
    for name in ("CheXbert", "BERTScore"):
        assert not_run(config)[name] == (
            f"{name} was not run: it needs the package 'transformers'; "
            "install it with `pip install 'coherent-cxr[judges]'`."
        )


def test_a_missing_package_is_named():
    sentences = not_run(filled(JudgesConfig, radgraph="radgraph-xl", green="/weights"))
    if find_spec("radgraph") is None:
        assert "pip install radgraph" in sentences["RadGraph"]
    if find_spec("green_score") is None:
        assert "pip install green_score" in sentences["GREEN"]


def test_greedy_matching_by_hand():
    east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    # precision: 1 and 0; recall: 1
    assert matched_f1(torch.stack([east, north]), east[None]) == pytest.approx(2 * 0.5 / 1.5)
    assert matched_f1(torch.stack([east, north]), torch.stack([north, east])) == pytest.approx(1)
    assert matched_f1(east[None], north[None]) == 0
    assert matched_f1(torch.zeros(0, 2), east[None]) == 0


def test_adapters_hand_over_pairs_and_take_scores_back(monkeypatch):
    # the packages need gigabytes of weights; these stand in at their documented interface
    radgraph, green = types.ModuleType("radgraph"), types.ModuleType("green_score")

    class F1RadGraph:
        def __init__(self, reward_level, model_type):
            assert (reward_level, model_type) == ("partial", "radgraph-xl")

        def __call__(self, hyps, refs):
            return 0.0, [float(h == r) for h, r in zip(hyps, refs, strict=True)], [], []

    class GREEN:
        def __init__(self, name):
            assert name == "weights"

        def __call__(self, refs, hyps):
            return 0.0, 0.0, [float(len(r)) for r in refs], "", None

    vars(radgraph)["F1RadGraph"], vars(green)["GREEN"] = F1RadGraph, GREEN
    monkeypatch.setitem(sys.modules, "radgraph", radgraph)
    monkeypatch.setitem(sys.modules, "green_score", green)
    config = filled(JudgesConfig, radgraph="radgraph-xl", green="weights")
    whole = np.ones((1, 2))
    assert RadGraph(config).measure(["a", "b"], ["a", "x"]).values(whole)[0, 0] == 0.5
    assert Green(config).measure(["a", "b"], ["123", "1"]).values(whole)[0, 0] == 2


@pytest.fixture
def tiny_bert(tmp_path: Path):
    import transformers

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=1,
        intermediate_size=24,
        max_position_embeddings=40,
    )
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS) + "\n")
    return transformers.BertModel(config), vocabulary


@needs_transformers
def test_chexbert_reads_a_checkpoint_as_its_authors_wrote_it(tiny_bert, tmp_path, monkeypatch):
    bert, vocabulary = tiny_bert
    model = CheXbertModel(bert, 16).eval()
    with torch.no_grad():
        for head in model.linear_heads:
            head.weight.zero_()
            head.bias.zero_()
        model.linear_heads[HEADS.index("Edema")].bias[1] = 1.0  # always positive
        model.linear_heads[HEADS.index("Fracture")].bias[2] = 1.0  # always negative
        model.linear_heads[HEADS.index("Pneumonia")].bias[3] = 1.0  # always uncertain
    state = {f"module.{key}": value for key, value in model.state_dict().items()}
    torch.save({"model_state_dict": state}, tmp_path / "chexbert.pth")
    judge = CheXbert(
        filled(JudgesConfig, chexbert=str(tmp_path / "chexbert.pth"), bert_vocabulary=str(vocabulary))
    )
    assert judge.missing() is None
    codes = judge.codes(["heart enlarged .", "no effusion ."])
    named = dict(zip(OBSERVATIONS, codes[0].tolist(), strict=True))
    assert (named["Edema"], named["Fracture"], named["Pneumonia"], named["Cardiomegaly"]) == (1, 0, -1, 2)
    words = judge._reader.tokenizer(["Heart ENLARGED ."])["input_ids"][0]
    assert words == [WORDS.index(word) for word in ("[CLS]", "heart", "enlarged", ".", "[SEP]")]
    values = dict(
        zip(judge.metrics, judge.measure(["heart"], ["no"]).values(np.ones((1, 1)))[0], strict=True)
    )
    assert values[Metric("CheXbert F1", "14 labels", "micro")] == 1
    assert values[Metric("CheXbert F1", "14 labels", "macro")] == pytest.approx(1 / 14)
    # the same weights teach, reward and judge where they are named as the labeller
    monkeypatch.setenv("COHERENT_CXR_CHEXBERT", str(tmp_path))
    config = filled(ChexpertLabellingConfig, rules="chexbert", beside=None)
    assert [labeler.name for labeler in config.judges()] == ["chexbert", "corrected"]
    named = config.labeler().label("Heart enlarged.")
    assert (named["Edema"], named["Fracture"], named["Pneumonia"], named["Cardiomegaly"]) == (1, 0, -1, None)
    before = config.labeler().digest
    model.linear_heads[0].bias.data[1] = 2.0
    torch.save({"model_state_dict": model.state_dict()}, tmp_path / "chexbert.pth")
    assert config.labeler().digest != before  # other weights are another labeller


@needs_transformers
def test_bertscore_of_a_report_with_itself_is_one(tiny_bert, tmp_path):
    import transformers

    bert, vocabulary = tiny_bert
    bert.save_pretrained(tmp_path / "bert")
    transformers.BertTokenizer(str(vocabulary)).save_pretrained(tmp_path / "bert")
    judge = BertScore(filled(JudgesConfig, bertscore=str(tmp_path / "bert")))
    assert judge.missing() is None
    scores = judge.measure(["heart enlarged .", "heart"], ["heart enlarged .", "no effusion"]).statistics[
        :, 0
    ]
    assert scores[0] == pytest.approx(1, abs=1e-5)
    assert scores[1] < 1
