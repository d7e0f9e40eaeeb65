from __future__ import annotations

import pytest
import torch

from coherent_cxr.configuration import ConfigurationError
from coherent_cxr.models.encoders import encoder_names
from coherent_cxr.models.image_encoder.backbone import Backbone
from coherent_cxr.training.encoder.config import EncoderPretrainingConfig
from coherent_cxr.training.encoder.freezing import freeze_up_to
from coherent_cxr.training.encoder.train import pretrain_encoder
from helpers.settings import filled


@pytest.mark.parametrize("encoder", encoder_names())
@pytest.mark.slow
def test_the_features_of_frozen_layers_are_what_later_layers_read_at_that_stride(encoder):
    backbone = Backbone(encoder)
    seen: list[int] = []
    for layer in freeze_up_to(backbone, 4):
        layer.register_forward_hook(lambda _module, _inputs, maps: seen.append(maps.shape[-1]))
    assert backbone.training
    backbone(torch.zeros(2, 128, 128))
    assert seen[-1] == 128 // 4
    assert seen == sorted(seen, reverse=True)
    trainable = [weights.requires_grad for weights in backbone.parameters()]
    # the first weights stay, the last ones learn, and there is one border between them
    assert trainable == sorted(trainable)
    assert len(set(trainable)) == 2


def test_a_stride_of_zero_freezes_nothing():
    backbone = Backbone("efficientnet_lite0")
    assert freeze_up_to(backbone, 0) == []
    assert all(weights.requires_grad for weights in backbone.parameters())


@pytest.mark.slow
def test_frozen_layers_keep_weights_and_statistics_and_the_others_learn(corpus, checkpoint_folder):
    config = filled(
        EncoderPretrainingConfig,
        encoder="efficientnet_lite0",
        weights="imagenet",
        frozen_stride=4,
        epochs=1,
        batch_size=8,
        average_weights=0.5,
        precision="fp32",
        checkpoint_folder=checkpoint_folder,
    )
    untrained, _ = pretrain_encoder(config.replace(epochs=0), corpus.store, corpus.labels, corpus.splits)
    trained, _ = pretrain_encoder(config, corpus.store, corpus.labels, corpus.splits)
    before, after = untrained.members[0], trained.members[0]
    same = {name for name, value in before.items() if torch.equal(value, after[name])}
    features = "backbone.features."
    frozen = (features + "stem.", features + "blocks.0.", features + "blocks.1.", features + "blocks.2.")
    counters = {name for name in before if name.endswith("num_batches_tracked")}
    assert {name for name in before if name.startswith(frozen)} <= same
    assert {name for name in same - counters if not name.startswith(frozen)} == {
        "backbone.mean",
        "backbone.std",
    }


def test_random_layers_are_not_frozen():
    with pytest.raises(ConfigurationError, match=r"frozen_stride' is 4; it must be 0, since .*'none'"):
        filled(EncoderPretrainingConfig, weights="none", frozen_stride=4)
