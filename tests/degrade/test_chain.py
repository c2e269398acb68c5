import numpy as np
import pytest
import skimage.data
import torch

from bigpicture.degrade.bsrgan import BSRGAN
from bigpicture.degrade.chain import Chain, degrade_batch
from bigpicture.degrade.compression import Compression
from bigpicture.degrade.levels import to_levels
from bigpicture.degrade.realesrgan import RealESRGAN
from bigpicture.degrade.resizing import Resize

SETTINGS = {"bsrgan": BSRGAN(webp=0.3), "realesrgan": RealESRGAN(webp=0.3)}
each_kind = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


@pytest.fixture
def high(photo, device):
    planes = torch.from_numpy(photo.transpose(2, 0, 1).copy()).to(device) / 255
    return torch.stack([planes, planes.flip(-1), planes.flip(-2)])


def draw(settings, count, scale=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [settings.draw(generator, scale) for _ in range(count)]


@each_kind
def test_a_batch_is_its_pictures_one_by_one(settings, high):
    for seed in range(4):
        chains = draw(settings, 3, seed=seed)
        batch = degrade_batch(chains, high, 4)
        assert batch.shape == (3, 3, 24, 30)
        assert batch.dtype == high.dtype
        for chain, image, low in zip(chains, high, batch, strict=True):
            assert torch.equal(chain.degrade(image, 4), low)


@each_kind
def test_the_number_of_threads_changes_nothing(settings, high):
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(degrade_batch(draw(settings, 3), high, 4))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


@pytest.mark.parametrize("scale", [1.75, 2])
def test_halves_of_levels_are_rounded_alike_by_any_number_of_threads(scale):
    """Resized so, many values are sums of halves, quarters, eighths of levels."""
    levels = torch.from_numpy(skimage.data.chelsea()[:224, :224].transpose(2, 0, 1).copy())
    chain = Chain("bsrgan", (Resize("bilinear", 1), Compression("jpeg", 85)))
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(chain.degrade(levels.double() / 255, scale))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


@each_kind
def test_every_device_makes_the_same(settings, high, accelerator):
    chains = draw(settings, 3)
    here, there = degrade_batch(chains, high.cpu(), 4), degrade_batch(chains, high, 4)
    assert torch.equal(here, there.cpu())


@each_kind
def test_levels_of_8_bits_come_out(settings, high):
    low = degrade_batch(draw(settings, 3), high, 4)
    torch.testing.assert_close(low * 255, (low * 255).round(), atol=1e-4, rtol=0)
    assert 0 <= low.min() <= low.max() <= 1


@each_kind
@pytest.mark.parametrize("size", [(4, 4), (5, 41), (17, 16)])
def test_small_and_gray_pictures_go(settings, size):
    image = torch.rand(1, *size)
    for chain in draw(settings, 12):
        assert chain.degrade(image, 4).shape == (1, size[0] // 4, size[1] // 4)


@each_kind
def test_stored_pictures_are_the_same_as_tensors(settings, photo, high):
    (chain,) = draw(settings, 1)
    low = chain.apply(photo, 4)
    assert low.dtype == np.uint8
    expected = (chain.degrade(high[0].cpu(), 4) * 255).round().byte().permute(1, 2, 0)
    np.testing.assert_array_equal(low, expected.numpy())
    deep = chain.apply(photo.astype(np.uint16) * 257, 4)
    np.testing.assert_array_equal(low, deep)
    assert chain.apply(photo[..., 0], 4).shape == (24, 30)


@each_kind
def test_content_survives(settings, photo):
    """However bad they are, low-resolution pictures show what the high one shows."""
    small = torch.nn.functional.avg_pool2d(
        torch.from_numpy(photo.transpose(2, 0, 1).copy()).float()[None], 4
    )[0]
    generator = torch.Generator().manual_seed(2)
    alike = []
    for _ in range(20):
        low = torch.from_numpy(settings.draw(generator, 4).apply(photo, 4)).permute(2, 0, 1)
        pair = torch.stack([small.flatten(), low.float().flatten()])
        alike.append(pair.corrcoef()[0, 1].item())
    assert min(alike) > 0.4
    assert sum(alike) / 20 > 0.75


@pytest.mark.parametrize("kind", ["bsrgan", "realesrgan"])
def test_overshoot_between_steps_is_clipped_by_bsrgan_alone(kind, photo):
    image = torch.from_numpy(photo.transpose(2, 0, 1).copy()).double().div(255).round()
    steps = Resize("bicubic", 2), Resize("area", 1)
    over = steps[0].apply(image, (24, 30))
    assert over.max() > 1.05
    expected = steps[1].apply(over.clamp(0, 1) if kind == "bsrgan" else over, (24, 30))
    other = steps[1].apply(over if kind == "bsrgan" else over.clamp(0, 1), (24, 30))
    low = Chain(kind, steps).degrade(image, 4) * 255
    torch.testing.assert_close(low, to_levels(expected))
    assert (low - to_levels(other)).abs().max() > 1


def test_gradients_do_not_flow_and_inputs_are_not_changed():
    image = torch.rand(3, 8, 8, requires_grad=True)
    before = image.detach().clone()
    assert not Chain("bsrgan", (Resize("area", 1),)).degrade(image, 2).requires_grad
    assert torch.equal(before, image)


def test_a_chain_for_each_picture():
    with pytest.raises(ValueError, match="there are 1 chains but 2 pictures"):
        degrade_batch([Chain("bsrgan", ())], torch.rand(2, 3, 8, 8), 2)


def test_pictures_below_one_cell_are_refused():
    with pytest.raises(ValueError, match="the picture is 9×3"):
        Chain("bsrgan", (Resize("area", 1),)).degrade(torch.rand(3, 3, 9), 4)
