import sys
import types
from importlib.util import find_spec
from urllib.error import URLError

import pytest
import torch
from torch import nn

from bigpicture.train.losses.perceptual import LAYERS, Perceptual, Taps, layer_names, vgg19


def vgg(channels: int) -> nn.Sequential:
    """VGG-19's chain of layers, with random weights, so many channels in the first block."""
    layers: list[nn.Module] = []
    before = 3
    for block, convolutions in enumerate((2, 2, 4, 4, 4)):
        width = min(channels * 2**block, channels * 8)
        for _ in range(convolutions):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(inplace=True)]
            before = width
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


@pytest.fixture
def loss():
    return Perceptual(Taps(vgg(4), LAYERS))


def test_layers_have_their_usual_names():
    names = list(layer_names(vgg(1)))
    assert len(names) == 37
    # torchvision's vgg19().features[34] is the convolution that papers call conv5_4.
    assert names[34] == "conv5_4"
    assert names[2] == "conv1_2"
    assert names[36] == "pool5"


def test_features_are_those_before_the_activation():
    chain = vgg(4)
    features = Taps(chain, LAYERS)(torch.rand(2, 3, 32, 32))
    assert list(features) == list(LAYERS)
    assert all(feature.min() < 0 for feature in features.values())
    assert features["conv3_4"].shape == (2, 16, 8, 8)


def test_features_follow_the_chain():
    chain = vgg(4)
    picture = torch.rand(1, 3, 32, 32)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    expected = chain[:8]((picture - mean) / std)
    torch.testing.assert_close(Taps(chain, ["conv2_2"])(picture)["conv2_2"], expected)
    # In the picture that was asked for, ReLUs in place must not have cut anything.
    both = Taps(chain, ["conv2_2", "relu2_2"])(picture)
    torch.testing.assert_close(both["conv2_2"], expected)
    torch.testing.assert_close(both["relu2_2"], expected.relu())


def test_what_follows_the_last_layer_is_left_out():
    assert list(Taps(vgg(1), ["conv1_1", "pool1"]).layers)[-1] == "pool1"


def test_the_loss_is_the_weighted_sum(loss):
    x, y = torch.rand(2, 2, 3, 32, 32).unbind()
    assert loss(x, x) == 0
    found, wanted = loss.network(x), loss.network(y)
    expected = sum(w * (found[k] - wanted[k]).abs().mean() for k, w in LAYERS.items())
    torch.testing.assert_close(loss(x, y), expected)


def test_only_the_restored_picture_learns(loss):
    x, y = (torch.rand(1, 3, 32, 32).requires_grad_() for _ in range(2))
    loss.train()
    loss(x, y).backward()
    assert x.grad.abs().sum() > 0
    assert y.grad is None
    assert all(p.grad is None and not p.requires_grad for p in loss.parameters())
    assert not any(module.training for module in loss.network.modules())


def test_gray_pictures_are_shown_as_rgb(loss):
    x, y = torch.rand(2, 1, 1, 32, 32).unbind()
    rgb = [picture.expand(-1, 3, -1, -1) for picture in (x, y)]
    torch.testing.assert_close(loss(x, y), loss(*rgb))


def test_autocast_goes(loss):
    x, y = torch.rand(2, 1, 3, 32, 32).unbind()
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(x, y)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(x, y), atol=0.01, rtol=0.05)


def test_unknown_layers_are_named():
    with pytest.raises(ValueError, match="wanted has conv9_9; the layers are conv1_1, relu1_1"):
        Taps(vgg(1), ["conv9_9", "conv1_1"])
    loss = Perceptual(Taps(vgg(1), ["conv1_1"]), {"conv1_2": 1.0})
    with pytest.raises(ValueError, match="no layers conv1_2; it has conv1_1"):
        loss(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8))
    with pytest.raises(ValueError, match="weights is empty"):
        Perceptual(Taps(vgg(1), ["conv1_1"]), {})


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_without_torchvision_it_is_said_what_to_install():
    with pytest.raises(ImportError, match="pip install torchvision, in the build that fits torch"):
        vgg19()


@pytest.fixture
def torchvision(monkeypatch):
    """A stand-in for torchvision's models, and what they were asked for."""
    asked = []
    weights = types.SimpleNamespace(IMAGENET1K_V1=types.SimpleNamespace(url="https://x/vgg19.pth"))

    def build(weights):
        asked.append(weights)
        return types.SimpleNamespace(features=vgg(2))

    models = types.SimpleNamespace(VGG19_Weights=weights, vgg19=build, asked=asked)
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    return models


def test_torchvision_s_weights_are_asked_for(torchvision):
    loss = Perceptual(vgg19())
    assert torchvision.asked == [torchvision.VGG19_Weights.IMAGENET1K_V1]
    assert loss(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)) > 0


def test_weights_that_cannot_be_downloaded_are_named(torchvision):
    def offline(weights):
        raise URLError("no network")

    torchvision.vgg19 = offline
    with pytest.raises(
        OSError, match=r"\(no network\); put https://x/vgg19.pth into .*checkpoints"
    ):
        vgg19()
