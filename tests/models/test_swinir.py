import pytest
import torch

from bigpicture.analysis.cost import parameters
from bigpicture.compute import strips
from bigpicture.models.backbones.swinir import SwinIRSettings
from bigpicture.models.heads.direct import DirectSettings
from bigpicture.models.heads.nearest import NearestSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.models.swinir import swinir, swinir_light, swinir_real, swinir_real_l
from bigpicture.weights.detect import detect, to_our_keys
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.public.swinir import RELEASE
from bigpicture.weights.rules import swinir as rule
from support.networks import weightless

TINY = SwinIRSettings(channels=12, depths=(2, 2), heads=(2, 2), window=4)
HEADS = {
    "classical": SubPixelSettings(scale=4, width=64),
    "light": DirectSettings(scale=3),
    "real": NearestSettings(scale=4),
    "real ×2": NearestSettings(scale=2, width=16),
}


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        (swinir(2), 11_752_487),  # the paper: 11.75 M
        (swinir(3), 11_937_127),
        (swinir(4), 11_900_199),  # 11.90 M
        (swinir(8), 12_047_911),
        (swinir_real(4), 11_715_559),
        (swinir_real_l(4), 28_013_059),  # the authors: 28.01 M
    ],
)
def test_parameters_are_the_paper_s(settings, count):
    assert parameters(weightless(settings)) == count


@pytest.mark.parametrize(("scale", "count"), [(2, 878), (3, 886), (4, 897)])
def test_the_paper_s_light_counts_leave_out_the_position_biases(scale, count):
    biases = 24 * 6 * 15**2
    assert round((parameters(weightless(swinir_light(scale))) - biases) / 1000) == count


@pytest.mark.parametrize("name", ["swinir_tiny_x2", "swinir_tiny_real_x4"])
def test_agrees_with_the_published_network(name, golden, from_release):
    published = golden(name)
    network, config = from_release(RELEASE, rule, published.public), published.config
    settings, backbone = network.settings, network.settings.backbone
    assert (settings.scale, backbone.channels) == (config["upscale"], config["embed_dim"])
    assert list(backbone.depths) == config["depths"]
    assert list(backbone.heads) == config["num_heads"]
    assert (backbone.window, backbone.mlp_ratio) == (config["window_size"], config["mlp_ratio"])
    assert backbone.connection == config["resi_connection"]
    for low, expected in published.pairs:
        with torch.no_grad():
            by_strips = network(low)
        for found in (by_strips, network(low)):
            assert (found - expected).abs().max() < 1e-4 * expected.std()


def public_swinir(network: Network) -> dict[str, torch.Tensor]:
    """Write a network's tensors as the authors do, masks and indices included."""
    stems = {
        "backbone.first": "conv_first",
        "backbone.before": "patch_embed.norm",
        "backbone.after": "norm",
        "backbone.last": "conv_after_body",
        "backbone.groups": "layers",
        "head.before": "conv_before_upsample",
        "head.expand": "upsample.0",
        "head.hr": "conv_hr",
        "head.last": "conv_last",
    }
    inner = {
        ".blocks.": ".residual_group.blocks.",
        ".last.": ".conv.",
        "attention.out": "attn.proj",
        "attention.bias_table": "attn.relative_position_bias_table",
        "attention": "attn",
        "mlp.0": "mlp.fc1",
        "mlp.2": "mlp.fc2",
    }
    public = {}
    doubling = isinstance(network.settings.head, NearestSettings)
    for key, value in network.state_dict().items():
        stem = ".".join(key.split(".")[:2])
        rest = key.removeprefix(stem)
        if stem == "head.up":
            index, rest = rest[1:].split(".", 1)
            new = f"conv_up{int(index) + 1}.{rest}" if doubling else f"upsample.{index}.{rest}"
        else:
            for old, to in inner.items():
                rest = rest.replace(old, to, 1) if stem == "backbone.groups" else rest
            new = stems[stem] + rest
        public[new] = value
    for g, depth in enumerate(network.settings.backbone.depths):
        for b in range(depth):
            block = f"layers.{g}.residual_group.blocks.{b}"
            public[f"{block}.attn.relative_position_index"] = torch.zeros(16, 16).long()
            if b % 2:
                public[f"{block}.attn_mask"] = torch.zeros(4, 16, 16)
    return public


@pytest.mark.parametrize("connection", ["1conv", "3conv"])
@pytest.mark.parametrize("head", HEADS)
def test_public_checkpoints_are_read_with_their_buffers(head, connection):
    backbone = SwinIRSettings(
        channels=12, depths=(2, 3), heads=(2, 3), window=4, mlp_ratio=1.5, connection=connection
    )
    network = Network(NetworkSettings(backbone, HEADS[head]))
    public = public_swinir(network)
    assert RELEASE.matches(public)
    ours = RELEASE.convert(public)
    assert detect(ours, "public") == network.settings
    own = network.state_dict()
    assert own.keys() == ours.tensors.keys()
    assert all(torch.equal(own[key], value) for key, value in ours.tensors.items())


def test_gray_checkpoints_are_not_normalised():
    network = Network(NetworkSettings(TINY, HEADS["light"], colours=1))
    ours = RELEASE.convert(public_swinir(network))
    assert (ours.mean, ours.std) == ((0.0,), (1.0,))
    assert detect(ours, "public").head == HEADS["light"]


def test_a_checkpoint_that_enlarges_nothing_is_refused():
    # against noise, the published network adds what it makes to the picture
    public = public_swinir(Network(NetworkSettings(TINY, SubPixelSettings(scale=1))))
    with pytest.raises(WeightsError, match=r"noise\.pth: SwinIR: it has no upsampler"):
        to_our_keys(public, "noise.pth")


@pytest.mark.parametrize("window", [2, 4, 7])
def test_what_lies_beyond_the_reach_is_not_seen(window):
    settings = SwinIRSettings(channels=8, depths=(2,), heads=(2,), window=window)
    network = Network(NetworkSettings(settings, DirectSettings(scale=1))).eval().double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    reach = network.limits.reach
    side = -(-(2 * reach + window) // window) * window
    low = torch.rand(1, 3, window, side, dtype=torch.float64, requires_grad=True)
    farthest = 0
    high = network(low)
    for pixel in range(reach, side - reach):
        (grad,) = torch.autograd.grad(high[..., pixel].sum(), low, retain_graph=True)
        seen = grad.abs().sum((0, 1, 2)).nonzero()
        farthest = max(farthest, (seen - pixel).abs().max().item())
    assert farthest == reach


def test_every_setting_learns_and_batches_are_their_pictures_one_by_one(monkeypatch):
    monkeypatch.setattr(strips, "_PIXELS_AT_ONCE", 64)  # of several strips
    for connection in ("1conv", "3conv"):
        settings = SwinIRSettings(
            channels=12, depths=(1, 3), heads=(2, 4), window=4, connection=connection
        )
        network = Network(NetworkSettings(settings, HEADS["real ×2"], colours=1))
        low = torch.rand(3, 1, 9, 10)
        network(low).sub(0.3).square().mean().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
        with torch.no_grad():
            one_by_one = torch.cat([network.eval()(picture[None]) for picture in low])
            torch.testing.assert_close(network(low), one_by_one, atol=1e-5, rtol=1e-5)


def test_each_group_needs_its_heads():
    with pytest.raises(ValueError, match="must have an entry for each of depths"):
        SwinIRSettings(depths=(6, 6)).build(3)
