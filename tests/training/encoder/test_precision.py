from __future__ import annotations

import json
import logging

import pytest
import torch

from coherent_cxr.models.image_encoder.backbone import Backbone, LabelClassifier
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.freezing import freeze_up_to
from coherent_cxr.training.encoder.precision import FILE, choose, faster_format
from coherent_cxr.training.encoder.train import pretrain_encoder
from helpers.settings import filled

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("fp32", "bf16", "chosen"), [(1.0, 0.5, "bf16"), (1.0, 0.9, "fp32"), (1.0, 3.0, "fp32")]
)
def test_bfloat16_has_to_be_clearly_faster(fp32, bf16, chosen):
    assert choose({"fp32": fp32, "bf16": bf16}) == chosen


def test_it_is_measured_once_told_and_changes_nothing(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    model = LabelClassifier(14, Backbone("small_cnn"), dropout=0.5)
    frozen = freeze_up_to(model.backbone, 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = torch.random.get_rng_state()
    chosen = faster_format(model, frozen, 64, CPU, tmp_path)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weights.grad is None for weights in model.parameters())
    assert f"the encoder is trained in {chosen}." in caplog.messages[-1]

    path = tmp_path / FILE
    ((place, seconds),) = json.loads(path.read_text()).items()
    other = {"fp32": seconds["bf16"] * 9, "bf16": seconds["bf16"]}
    path.write_text(json.dumps({place: other}))
    assert faster_format(model, frozen, 64, CPU, tmp_path) == "bf16"  # as it is kept, not measured again
    path.write_text('{"cut o')
    assert faster_format(model, frozen, 64, CPU, tmp_path) in ("fp32", "bf16")
    assert json.loads(path.read_text()).keys() == {place}


def test_auto_trains_in_the_format_that_was_kept(corpus, tmp_path):
    def trained(precision, folder):
        config = filled(
            EncoderPretrainingConfig,
            epochs=1,
            batch_size=8,
            precision=precision,
            checkpoint_folder=str(folder),
        )
        return pretrain_encoder(config, corpus.store, corpus.labels, corpus.splits)[0].members[0]

    trained("auto", tmp_path / "auto")
    ((place, _),) = json.loads((tmp_path / "auto" / FILE).read_text()).items()
    for folder, times in {"fast": {"fp32": 2.0, "bf16": 1.0}, "slow": {"fp32": 1.0, "bf16": 2.0}}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / FILE).write_text(json.dumps({place: times}))
    for folder, precision in {"fast": "bf16", "slow": "fp32"}.items():
        auto = trained("auto", tmp_path / folder)
        said = trained(precision, tmp_path / precision)
        assert all(torch.equal(auto[name], said[name]) for name in said)
