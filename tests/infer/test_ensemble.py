import pytest
import torch

from bigpicture.image.resize import resize
from bigpicture.infer import Model
from bigpicture.infer.ensemble import self_ensemble
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.heads.implicit import ImplicitSettings
from bigpicture.models.network import Network, NetworkSettings


def test_it_is_the_mean_over_the_symmetries(tiny):
    network, low = tiny.Attentive(), tiny.gradient_picture(6, 9)
    total = torch.zeros(1, 3, 12, 18)
    with torch.no_grad():
        for turns in range(4):
            for flip in (False, True):
                seen = torch.rot90(low.flip(-1) if flip else low, turns, (-2, -1))
                back = torch.rot90(network(seen), -turns, (-2, -1))
                total += back.flip(-1) if flip else back
        assert torch.allclose(self_ensemble(network, low), total / 8, atol=1e-6)


def test_what_is_symmetric_is_not_changed(tiny):
    low = torch.rand(2, 3, 4, 7)
    nearest = tiny.Nearest()
    assert torch.allclose(self_ensemble(nearest, low), nearest(low))


def test_sums_are_float32():
    low = torch.rand(1, 1, 4, 4)
    assert self_ensemble(lambda x: x.bfloat16(), low).dtype == torch.float32


@pytest.mark.parametrize("tiling", [{"tile": "off"}, {"tile": 8, "context": "exact"}])
@pytest.mark.parametrize("picture", [(12, 12), (12, 9)])
def test_any_size_of_any_picture_with_tiles(picture, tiling):
    """Also a square one, whose turned sides say nothing of the size that is asked."""
    settings = NetworkSettings(
        EDSRSettings(channels=8, blocks=1), ImplicitSettings(scale=2, hidden=8, depth=2)
    )
    network, low = Network(settings).eval(), torch.rand(1, 3, *picture)
    model = Model(network, network.limits)
    with torch.no_grad():
        total = torch.zeros(1, 3, 30, 17)
        for flip in ([], [-1], [-2], [-1, -2]):
            total += network(low.flip(flip), (30, 17)).flip(flip)
            total += network(low.flip(flip).mT.contiguous(), (17, 30)).mT.flip(flip)
    result = model.upscale(low, size=(30, 17), ensemble=True, **tiling)
    assert torch.allclose(result, (total / 8).clamp(0, 1), atol=1e-5)


def test_tiles_that_share_their_context_are_as_near_as_without(tiny):
    network, low = tiny.modulated(), tiny.gradient_picture(40, 48)
    model = Model(network, network.limits)
    whole = model.upscale(low, tile="off", ensemble=True)
    shared = model.upscale(low, tile=16, ensemble=True)
    apart = model.upscale(low, tile=16, ensemble=True, context="tile")
    assert (shared - whole).abs().max() < 1e-4 < (apart - whole).abs().max()


@pytest.mark.parametrize("size", [(60, 2), (3, 64), (26, 11)])
def test_a_network_for_any_scale_leaves_sides_that_shrink_to_bicubic(size):
    """In tiles, some of which would have no pixel of the result."""
    settings = NetworkSettings(
        EDSRSettings(channels=8, blocks=1), ImplicitSettings(scale=2, hidden=8, depth=2)
    )
    network, low = Network(settings).eval(), torch.rand(1, 3, 24, 32)
    larger = max(size[0], 24), max(size[1], 32)
    with torch.no_grad():
        expected = resize(network(low, larger), size=size).clamp(0, 1)
    result = Model(network, network.limits).upscale(low, size=size, tile=8, context="exact")
    assert torch.allclose(result, expected, atol=1e-5)
