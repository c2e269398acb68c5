from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from bigpicture.infer import Tiling, render
from bigpicture.infer.upscale import cost, pad_to_limits, restore_whole
from bigpicture.models.contract import Limits


@pytest.fixture(params=["Attentive", "modulated"])
def network(request, tiny):
    return getattr(tiny, request.param)()


def error(network, low, **tiling):
    with torch.no_grad():
        whole = network(low)
    return (render(network, network.limits, low, Tiling(**tiling)) - whole).abs().max().item()


def test_one_tile_is_the_network(tiny, network):
    low = tiny.gradient_picture(21, 17)
    assert error(network, low) == 0
    assert error(network, low, side=64) == 0


def test_tiles_of_any_halo_beyond_the_reach_give_the_whole(tiny, network):
    low = tiny.gradient_picture(37, 50)
    for side in (16, 20):
        assert error(network, low, side=side, halo=network.limits.reach, sweeps=4) < 1e-5


def test_each_sweep_comes_closer_and_tiles_alone_are_far(tiny, network):
    low = tiny.gradient_picture(48, 64)
    tiling = {"side": 16, "halo": network.limits.reach}
    alone = error(network, low, **tiling, context="tile")
    once, twice = (error(network, low, **tiling, sweeps=n) for n in (1, 2))
    assert alone > 1e-3 and once < alone / 3 and twice < max(once / 3, 1e-5)


def test_a_halo_wider_than_the_reach_changes_nothing(tiny, network):
    low = tiny.gradient_picture(40, 24)
    reach = network.limits.reach
    results = [
        render(network, network.limits, low, Tiling(12, halo, 4)) for halo in (reach, reach + 7)
    ]
    assert torch.allclose(*results, atol=1e-5)


def test_a_network_without_operators_is_not_swept(tiny):
    network, low = tiny.Local(), tiny.gradient_picture(32, 16)
    whole = network(low)
    network.sizes.clear()
    result = render(network, network.limits, low, Tiling(16, halo=1))
    assert len(network.sizes) == 2
    assert torch.allclose(result, whole, atol=1e-6)


@pytest.mark.parametrize(("context", "runs"), [("shared", 3 * 4), ("tile", 4)])
def test_how_often_the_network_runs(tiny, context, runs):
    network, low = tiny.Attentive(), tiny.gradient_picture(32, 32)
    tiling = Tiling(16, halo=4, context=context)
    done = []
    render(network, network.limits, low, tiling, done.append)
    assert len(network.sizes) == len(done) == runs
    assert sum(done) == cost(network, network.limits, 32, 32, tiling)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("colours", [1, 3])
def test_gray_and_colour_in_tiles(tiny, colours, channels):
    network = tiny.Attentive(colours)
    low = tiny.gradient_picture(24, 24)[:, :channels].repeat(2, 1, 1, 1)
    with torch.no_grad():
        whole = restore_whole(network, network.limits, low)
    tiled = render(network, network.limits, low, Tiling(12, halo=4, sweeps=4))
    assert whole.shape == (2, channels, 48, 48)
    assert torch.allclose(tiled, whole, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (13, 3), (30, 33)])
def test_pictures_smaller_than_the_network_takes_or_no_multiple(tiny, size):
    network = tiny.Attentive(multiple=4, smallest=8)
    low = tiny.gradient_picture(*size)
    whole = restore_whole(network, network.limits, low)
    tiled = render(network, network.limits, low, Tiling(9, halo=5, sweeps=4))
    assert whole.shape[-2:] == tiled.shape[-2:] == (2 * size[0], 2 * size[1])
    assert torch.allclose(tiled, whole, atol=1e-5)


def test_padding_mirrors_or_repeats():
    low = torch.arange(3.0).expand(1, 1, 1, 3)
    padded = pad_to_limits(low, Limits(2, 1, reach=1, multiple=5, smallest=2))
    assert padded.shape == (1, 1, 5, 5)
    assert padded[0, 0, 4].tolist() == [0, 1, 2, 1, 0]


def test_many_threads_use_one_network(tiny):
    network = tiny.modulated()
    pictures = [tiny.gradient_picture(24, 24 + 8 * i) for i in range(6)]

    def run(low):
        return render(network, network.limits, low, Tiling(12, halo=8))

    alone = [run(low) for low in pictures]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(run, pictures))
    assert all(torch.equal(*pair) for pair in zip(alone, together, strict=True))


def test_results_may_be_used_in_training(tiny):
    result = render(tiny.Attentive(), tiny.Attentive().limits, tiny.gradient_picture(8, 8))
    weight = torch.ones(1, requires_grad=True)
    (result * weight).sum().backward()
    assert weight.grad is not None


def test_float64_pictures_come_out_as_float32(tiny):
    network = tiny.Attentive().double()
    assert (
        render(network, network.limits, tiny.gradient_picture(8, 8).double()).dtype == torch.float32
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"side": 0}, "tile must be at least 1 pixel wide, not 0"),
        ({"halo": -3}, "halo must be 0 pixels or more, not -3"),
        ({"sweeps": 0}, "context='tile'"),
        ({"memory": -1}, "memory must be 0 bytes or more, not -1"),
        ({"context": "none"}, "one of shared, exact, tile, not 'none'"),
    ],
)
def test_wrong_tilings(unchecked, arguments, message):
    with pytest.raises(ValueError, match=message):
        unchecked(Tiling, **arguments)


def test_a_batch_in_tiles_is_its_pictures_one_by_one(network):
    low, tiling = torch.rand(3, 3, 20, 26), Tiling(8, halo=4)
    together = render(network, network.limits, low, tiling)
    alone = [render(network, network.limits, picture, tiling) for picture in low.split(1)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)
