from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from coherent_cxr.models.encoder import Backbone, Normalisation
from coherent_cxr.models.encoder_weights import EncoderWeightsError, load_backbone


@pytest.mark.parametrize(("size", "regions"), [(64, 4), (96, 9), (256, 64)])
def test_one_region_per_32_pixel_field(size, regions):
    images = torch.zeros(1, size, size, dtype=torch.uint8)
    assert Backbone().eval()(images).shape == (1, regions, 1024)


def test_grey_values_reach_the_network_normalised():
    backbone = Backbone(Normalisation((0.5,) * 3, (1 / 2048,) * 3))
    seen = []
    backbone.features = torch.nn.Sequential(torch.nn.Identity())
    backbone.features.register_forward_hook(lambda module, inputs, output: seen.append(output))
    images = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    backbone(images)
    # what torchxrayvision's networks expect: -1024 for black, 1024 for white
    assert seen[0][0, :, 0].tolist() == [[-1024.0, 1024.0]] * 3


def test_normalisation_travels_with_the_weights():
    source = Backbone(Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
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
    loaded = load_backbone(str(tmp_path / "backbone.safetensors"))
    assert torch.equal(loaded.features.conv0.weight, source.features.conv0.weight)


def test_a_file_of_something_else_is_refused(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(EncoderWeightsError, match=r"other\.safetensors.*does not hold"):
        load_backbone(str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize("name", ["resnet", "no/such/file.safetensors"])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(EncoderWeightsError, match="none, imagenet, torchxrayvision"):
        load_backbone(name)


def test_a_failing_download_says_what_to_do(monkeypatch, tmp_path):
    # A proxy on a closed port is what a machine without internet looks like to urllib.
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(EncoderWeightsError, match=r"'imagenet' could not be downloaded.*encoder_pretraining"):
        load_backbone("imagenet")


def test_other_torchxrayvision_architectures_are_refused():
    with pytest.raises(EncoderWeightsError, match="no DenseNet-121"):
        load_backbone("torchxrayvision:resnet50-res512-all")
