from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from bigpicture.image import Picture, write
from bigpicture.image.resize import resize
from bigpicture.infer import Model
from bigpicture.infer.ensemble import self_ensemble


@pytest.fixture
def model(tiny):
    return tiny.attentive()


def test_a_call_is_the_network_and_differentiable(model, tiny):
    low = tiny.gradient_picture(5, 6).requires_grad_()
    restored = model(low)
    assert torch.equal(restored, model.network(low))
    restored.sum().backward()
    assert low.grad is not None and low.grad.abs().sum() > 0
    assert model(low[:, :1]).shape == (1, 1, 10, 12)


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_a_call_with_neither_gray_nor_colours_is_refused(model, channels):
    with pytest.raises(ValueError, match=rf"1 channel .* or 3 .*, not {channels} \(its shape is"):
        model(torch.rand(1, channels, 8, 8))


def test_upscale_is_the_network_within_the_range_of_pictures(model, tiny):
    low = tiny.gradient_picture(9, 12)
    with torch.no_grad():
        expected = model(low).clamp(0, 1)
    assert torch.equal(model.upscale(low), expected)
    assert torch.equal(model.upscale(low, tile="off"), expected)
    assert torch.allclose(model.upscale(low, tile=6, sweeps=4), expected, atol=1e-5)


def test_16_bits_do_not_go_through_8(tiny):
    levels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    result = tiny.nearest().upscale(levels)
    assert np.array_equal(result, levels.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_thin_pictures(model, size):
    assert model.upscale(np.zeros(size, np.uint8), tile=8).shape == (2 * size[0], 2 * size[1])


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({}, (24, 36)),
        ({"scale": 2}, (24, 36)),
        ({"scale": 1.3}, (16, 23)),
        ({"scale": 3}, (36, 54)),
        ({"scale": 0.5}, (6, 9)),
        ({"size": (25, 40)}, (25, 40)),
        ({"width": 31}, (21, 31)),
        ({"height": 21}, (21, 32)),
        ({"height": 20, "width": 20}, (20, 20)),
    ],
)
def test_sizes_are_exact(model, arguments, shape):
    image = np.random.randint(0, 256, (12, 18, 4), np.uint8)
    assert model.upscale(image, **arguments).shape == (*shape, 4)
    assert model.plan((12, 18), **arguments).size == shape


def test_the_last_step_is_bicubic_in_floats(tiny):
    low = tiny.gradient_picture(8, 10)
    once, twice = low, low
    for _ in range(2):
        once, twice = twice, tiny.Nearest()(twice)
    nearest = tiny.nearest()
    assert torch.equal(nearest.upscale(low, size=(13, 15)), resize(once, size=(13, 15)).clamp(0, 1))
    assert torch.equal(nearest.upscale(low, scale=3), resize(twice, size=(24, 30)).clamp(0, 1))
    assert torch.equal(nearest.upscale(low, scale=1), low)


def test_no_dark_fringe_and_alpha_stays_clean(model, tiny):
    image = np.zeros((16, 16, 4), np.uint8)
    image[4:12, 4:12] = (200, 100, 50, 255)
    result = tiny.nearest().upscale(image, scale=1.5)
    visible = result[result[..., 3] > 0]
    assert (abs(visible[:, :3].astype(int) - (200, 100, 50)) <= 1).all()
    alpha = model.upscale(image)[..., 3]
    assert (alpha[12:20, 12:20] == 255).all() and (alpha[:6] == 0).all()


@pytest.mark.parametrize("opacity", [0, 77, 255])
@pytest.mark.parametrize("scale", [2, 1.7, 5])
def test_flat_alpha_stays_flat(model, opacity, scale):
    image = np.random.randint(0, 256, (9, 7, 2), np.uint8)
    image[..., 1] = opacity
    assert (model.upscale(image, scale=scale)[..., 1] == opacity).all()


def test_gray_stays_gray(model, tmp_path):
    picture = Picture.from_array(np.random.randint(0, 65536, (6, 5)).astype(np.uint16))
    write(picture, tmp_path / "gray.png")
    result = model.upscale(tmp_path / "gray.png")
    assert result.is_gray and result.bits == 16 and (result.height, result.width) == (12, 10)


def test_bright_floats_are_kept(tiny):
    picture = Picture(np.array([[[-0.5], [3.0]]], np.float32))
    assert tiny.nearest().upscale(picture).colour[0, :, 0].tolist() == [-0.5, -0.5, 3, 3]


@pytest.mark.parametrize("tile", ["off", 8])
def test_ensemble(model, tiny, tile):
    low = tiny.gradient_picture(12, 20)
    with torch.no_grad():
        expected = self_ensemble(model.network, low).clamp(0, 1)
    result = model.upscale(low, tile=tile, ensemble=True, sweeps=4)
    assert torch.allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("ensemble", [False, True])
def test_progress_reaches_its_end(model, alpha, ensemble):
    image = np.random.rand(13, 18, 4 if alpha else 3)
    told = []
    model.upscale(
        image, scale=3, tile=8, halo=2, ensemble=ensemble, progress=lambda *t: told.append(t)
    )
    done, total = zip(*told, strict=True)
    assert len(set(total)) == 1 and done[-1] == total[0] and list(done) == sorted(set(done))


def test_plan_counts_tiles(model):
    plan = model.plan((16, 32), scale=4, tile=16)
    assert [(p.height, p.width, p.tiles) for p in plan.passes] == [(16, 32, 2), (32, 64, 8)]
    assert plan.tiles == 10 and plan.passes[0].tiling.halo == model.limits.reach


def test_auto_cuts_what_does_not_fit(model, monkeypatch):
    monkeypatch.setattr("bigpicture.infer.model.free_bytes", lambda device: 4 * 2**20)
    monkeypatch.setattr("bigpicture.infer.memory._DEAREST", 2**30)
    tiling = model.plan((300, 300)).passes[0].tiling
    assert tiling.side is not None and 32 <= tiling.side < 300
    assert model.plan((300, 300), tile="off").tiles == 1


def test_many_threads_use_one_model(model):
    images = [np.random.randint(0, 256, (16, 16 + 4 * i, 3), np.uint8) for i in range(8)]

    def run(image):
        return model.upscale(image, tile=8)

    alone = [run(image) for image in images]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(run, images))
    assert all(np.array_equal(*pair) for pair in zip(alone, together, strict=True))


def test_the_image_is_not_written_to(model):
    image = np.random.rand(8, 8, 4).astype(np.float32)
    before = image.copy()
    model.upscale(image)
    assert np.array_equal(image, before)


def test_a_network_in_training_is_put_into_evaluation(tiny):
    network = tiny.modulated().train()
    model = Model(network, network.limits, "tiny", {"licence": "CC0"})
    assert not model.network.training and model.facts["licence"] == "CC0"
    assert repr(model.to("auto").to("cpu")) == "Model('tiny', ×2, on cpu)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 2, "width": 5}, "got scale=2 and a size"),
        ({"scale": -1}, "scale must be a positive number, not -1"),
        ({"scale": "2"}, "scale must be a positive number, not '2'"),
        ({"scale": 1e6}, "would have 4000000 × 4000000 pixels"),
        ({"size": (8, 8, 8)}, r"size must be a height and a width, .*, not \(8, 8, 8\)"),
        ({"size": 8}, "size must be a height and a width, .*, not 8"),
        ({"size": (8.0, 8)}, "height must be a whole number of pixels, at least 1, not 8.0"),
        ({"halo": 1.5}, "halo must be a whole number, not 1.5"),
        ({"sweeps": 1.5}, "sweeps must be a whole number, not 1.5"),
        ({"tile": 64.0}, "tile must be 'auto', 'off' or a number of pixels, not 64.0"),
        ({"progress": True}, "progress must be a function of two numbers, not True"),
        ({"cancel": True}, "cancel must have is_set, as threading.Event has, not True"),
        ({"tile": 0}, "tile must be at least 1 pixel wide, not 0"),
        ({"tile": "big"}, "tile must be 'auto', 'off' or a number of pixels, not 'big'"),
        ({"halo": -1}, "halo must be 0 pixels or more, not -1"),
        ({"sweeps": 0}, "sweeps must be 1 or more, not 0"),
        ({"context": "none"}, "context must be one of shared, exact, tile, not 'none'"),
        ({"framing": "squeeze"}, "framing must be one of stretch, fit, fill, not 'squeeze'"),
        ({"memory": "much"}, "memory must be bytes, or such as '500M' or '2G', not 'much'"),
        ({"precision": "int8"}, "precision must be one of auto, fp32, bf16, fp16, not 'int8'"),
    ],
)
def test_errors(unchecked, tiny, arguments, message):
    network = tiny.modulated()  # which the other process can be sent
    model = Model(network, network.limits)
    with pytest.raises(ValueError, match=message):
        unchecked(Model.upscale, model, np.zeros((4, 4), np.uint8), **arguments)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(
    ("framing", "shape"), [("stretch", (40, 40)), ("fit", (40, 20)), ("fill", (40, 40))]
)
def test_frames(tiny, framing, shape, channels):
    image = np.random.randint(0, 256, (40, 20, channels), np.uint8)
    model = tiny.nearest()
    result = model.upscale(image, size=(40, 40), framing=framing)
    assert result.shape == (*shape, channels)
    if framing == "fill":  # the middle rows of the picture twice as large
        assert np.array_equal(result, model.upscale(image)[20:60])
