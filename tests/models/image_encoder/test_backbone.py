from __future__ import annotations

import math

import pytest
import torch
from safetensors.torch import save_file

from coherent_cxr.models.encoders import architecture, encoder_names
from coherent_cxr.models.encoders.architecture import Normalisation
from coherent_cxr.models.image_encoder.backbone import Backbone, ImageEncoder
from coherent_cxr.models.image_encoder.weights import EncoderWeightsError, load_backbone


@pytest.mark.parametrize(("size", "regions"), [(64, 4), (96, 9), (256, 64)])
def test_one_region_per_32_pixel_field(size, regions):
    images = torch.zeros(1, size, size, dtype=torch.uint8)
    assert Backbone().eval()(images).shape == (1, regions, 1024)


def test_grey_values_reach_the_network_normalised():
    backbone = Backbone(normalisation=Normalisation((0.5,) * 3, (1 / 2048,) * 3))
    seen = []
    backbone.features = torch.nn.Sequential(torch.nn.Identity())
    backbone.features.register_forward_hook(lambda module, inputs, output: seen.append(output))
    images = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    backbone(images)
    # what torchxrayvision's networks expect: -1024 for black, 1024 for white
    assert seen[0][0, :, 0].tolist() == [[-1024.0, 1024.0]] * 3


def test_normalisation_travels_with_the_weights():
    source = Backbone(normalisation=Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
    target = Backbone()
    target.load_state_dict(source.state_dict())
    assert target.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert target.std.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])


def test_one_channel_kernels_spread_over_three_give_the_same_map():
    one = torch.nn.Conv2d(1, 4, 3, bias=False)
    three = torch.nn.Conv2d(3, 4, 3, bias=False)
    three.load_state_dict({"weight": one.weight.detach().repeat(1, 3, 1, 1) / 3})
    grey = torch.randn(1, 1, 8, 8)
    torch.testing.assert_close(three(grey.expand(-1, 3, -1, -1)), one(grey), rtol=1e-4, atol=1e-5)


def test_weights_from_a_file(tmp_path):
    source = Backbone()
    weights = {name: value.contiguous() for name, value in source.state_dict().items()}
    save_file(weights, tmp_path / "backbone.safetensors")
    loaded = load_backbone("densenet121", str(tmp_path / "backbone.safetensors"))
    assert torch.equal(loaded.features.conv0.weight, source.features.conv0.weight)


def test_a_file_of_something_else_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(EncoderWeightsError, match=r"other\.safetensors.*does not hold"):
        load_backbone("densenet121", str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize("name", ["resnet", "no/such/file.safetensors"])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(EncoderWeightsError, match="none, imagenet, torchxrayvision"):
        load_backbone("densenet121", name)


def test_a_failing_download_says_what_to_do(monkeypatch, tmp_path):
    # A proxy on a closed port is what a machine without internet looks like to urllib.
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(
        EncoderWeightsError, match=r"'densenet121, imagenet' could not be downloaded.*encoder_pretraining"
    ):
        load_backbone("densenet121", "imagenet")


def test_other_torchxrayvision_architectures_are_refused():
    with pytest.raises(EncoderWeightsError, match="only DenseNet-121"):
        load_backbone("densenet121", "torchxrayvision:resnet50-res512-all")


@pytest.mark.parametrize("name", encoder_names())
def test_every_encoder_has_the_feature_map_it_promises(name):
    described = architecture(name)
    network = described.build().eval()
    with torch.no_grad():
        maps = network(torch.randn(1, 3, 64, 96))
    assert maps.shape == (1, described.channels, 64 // described.stride, 96 // described.stride)
    assert maps.min() >= 0


def test_an_unknown_encoder_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'vgg16'.*convnext_tiny, densenet121, efficientnet_lite0"):
        architecture("vgg16")


def test_imagenet_weights_without_a_hub(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbone = load_backbone("efficientnet_lite0", "imagenet").eval()
    assert backbone.mean.flatten().tolist() == pytest.approx([127 / 255] * 3)
    assert backbone.std.flatten().tolist() == pytest.approx([128 / 255] * 3)
    # the published network's mean feature of this picture, by the package's own reference implementation
    rows = torch.arange(224, dtype=torch.uint8).view(1, 224, 1).expand(1, 224, 224)
    with torch.no_grad():
        assert float(backbone(rows).mean()) == pytest.approx(0.0518812, abs=1e-5)


def test_weights_of_another_encoder_are_refused(tmp_path):
    source = Backbone("mobilenet_v3_large")
    save_file({k: v.contiguous() for k, v in source.state_dict().items()}, tmp_path / "mobile.safetensors")
    with pytest.raises(EncoderWeightsError, match="does not hold the weights of the encoder 'resnet50'"):
        load_backbone("resnet50", str(tmp_path / "mobile.safetensors"))


def test_what_the_label_classifier_says_is_added_to_every_region():
    torch.manual_seed(0)
    plain = ImageEncoder(4, 0.0, "per_study", "mobilenet_v3_large", labels=0).eval()
    told = ImageEncoder(4, 0.0, "per_study", "mobilenet_v3_large", labels=2).eval()
    told.load_state_dict(plain.state_dict(), strict=False)
    told.labels.weight.data.zero_()
    told.labels.bias.data = torch.tensor([0.0, -math.log(3)])
    told.of_labels.weight.data = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0], [4.0, 4.0]])
    told.of_labels.bias.data.zero_()
    features = torch.randn(3, 2, 9, plain.backbone.channels)
    # probabilities are one half and one quarter
    torch.testing.assert_close(
        told(features) - plain(features), torch.tensor([0.5, 0.5, 0.0, 3.0]).expand(3, 18, 4)
    )
    # one image says of itself what two equal ones say
    torch.testing.assert_close(told(features[:, :1].expand(-1, 2, -1, -1)), told(features[:, 0]))
    assert not any(parameter.requires_grad for parameter in told.labels.parameters())
