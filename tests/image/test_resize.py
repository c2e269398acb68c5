import math

import numpy as np
import pytest
import pyvips
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bigpicture.image.resize import resize, resize_stored

sides = st.integers(1, 24)
scales = st.floats(0.1, 5.0)
borders = st.sampled_from(["mirror", "clamp"])


def slow_axis(samples: list[float], scale: float, count: int, border: str) -> list[float]:
    """MATLAB's resampling of one line, written from its definition, one sample at a time."""

    def keys(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    def sample(i: int) -> float:
        if border == "clamp":
            return samples[min(max(i, 0), len(samples) - 1)]
        endless = samples + samples[::-1]
        return endless[i % len(endless)]

    shrink = min(scale, 1.0)
    result = []
    for position in range(1, count + 1):
        u = position / scale + 0.5 * (1 - 1 / scale)
        near = range(math.floor(u - 2 / shrink) - 1, math.ceil(u + 2 / shrink) + 2)
        weights = [keys(shrink * (u - i)) for i in near]
        total = sum(w * sample(i - 1) for w, i in zip(weights, near, strict=True))
        result.append(total / sum(weights))
    return result


def slow(image: np.ndarray, scale: float, border: str) -> np.ndarray:
    h, w = (math.ceil(scale * side) for side in image.shape)
    tall = np.array([slow_axis(column.tolist(), scale, h, border) for column in image.T]).T
    return np.array([slow_axis(row.tolist(), scale, w, border) for row in tall])


def picture(h: int, w: int, *batch: int) -> torch.Tensor:
    return torch.rand(*batch, h, w, dtype=torch.float64)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_stored_reproduces_the_benchmarks_bit_for_bit(shared, name, factor):
    folder = shared / "data" / "benchmarks" / name
    files = sorted((folder / "HR").glob("*.png"))
    assert files
    for file in files:
        high = pyvips.Image.new_from_file(str(file)).numpy()
        low = folder / "LR_bicubic" / f"X{factor}" / f"{file.stem}x{factor}.png"
        h, w = (side // factor * factor for side in high.shape[:2])
        ours = resize_stored(high[:h, :w], scale=1 / factor)
        np.testing.assert_array_equal(ours, pyvips.Image.new_from_file(str(low)).numpy(), file.stem)


@given(sides, sides, scales, borders)
@settings(max_examples=50)
def test_float_equals_the_slow_definition(h, w, scale, border):
    image = picture(h, w)
    expected = slow(image.numpy(), scale, border)
    np.testing.assert_allclose(resize(image, scale=scale, border=border), expected, atol=1e-12)


@given(sides, sides, scales, borders)
@settings(max_examples=30)
def test_stored_equals_the_rounded_slow_definition(h, w, scale, border):
    image = np.random.default_rng(h * w).integers(0, 256, (h, w)).astype(np.uint8)
    tall = np.array(
        [slow_axis(line.tolist(), scale, math.ceil(scale * h), border) for line in image.T]
    ).T
    tall = np.floor(tall + 0.5).clip(0, 255)
    both = [slow_axis(line.tolist(), scale, math.ceil(scale * w), border) for line in tall]
    expected = np.floor(np.array(both) + 0.5).clip(0, 255)
    ours = resize_stored(image, scale=scale, border=border).astype(float)
    # Sums a hair from ½ may round either way: a rare last digit, and never more than a level.
    assert np.abs(ours - expected).max() <= 1
    assert (ours != expected).sum() <= max(1, 0.02 * ours.size)


@given(sides, sides, st.tuples(sides, sides), borders)
def test_constants_stay_constant(h, w, size, border):
    flat = torch.full((h, w), 0.7, dtype=torch.float64)
    torch.testing.assert_close(
        resize(flat, size=size, border=border), torch.full(size, 0.7, dtype=torch.float64)
    )
    stored = resize_stored(np.full((h, w, 3), 200, np.uint8), size=size, border=border)
    assert stored.shape == (*size, 3)
    assert (stored == 200).all()


@given(sides, sides, st.tuples(scales, scales))
def test_size_law(h, w, scale):
    expected = (math.ceil(scale[0] * h), math.ceil(scale[1] * w))
    assert resize(picture(h, w), scale=scale).shape == expected
    assert resize_stored(np.zeros((h, w), np.uint16), scale=scale).shape == expected


@given(sides, sides)
def test_scale_one_is_the_identity(h, w):
    image = picture(h, w, 2)
    assert torch.equal(resize(image, scale=1), image)
    assert torch.equal(resize(image, size=(h, w)), image)
    stored = (image[0].numpy() * 65535).astype(np.uint16)
    np.testing.assert_array_equal(resize_stored(stored, scale=1.0), stored)


@given(sides, sides, st.tuples(sides, sides), borders)
def test_linear(h, w, size, border):
    x, y = picture(h, w), picture(h, w)
    both = resize(3 * x - y, size=size, border=border)
    parts = 3 * resize(x, size=size, border=border) - resize(y, size=size, border=border)
    torch.testing.assert_close(both, parts)


@given(sides, sides, st.tuples(sides, sides), borders)
def test_flips_and_transposes_commute(h, w, size, border):
    image = picture(h, w)
    result = resize(image, size=size, border=border)
    for axis in (-1, -2):
        flipped = resize(image.flip(axis), size=size, border=border)
        torch.testing.assert_close(flipped, result.flip(axis))
    torch.testing.assert_close(resize(image.mT, size=size[::-1], border=border), result.mT)


@given(st.integers(60, 200), scales)
@settings(max_examples=10)
def test_a_batch_is_its_pictures(h, scale):
    batch = picture(h, 7, 2, 3)
    each = [resize(channel, scale=scale) for image in batch for channel in image]
    whole = resize(batch, scale=scale)
    torch.testing.assert_close(whole, torch.stack(each).reshape(whole.shape))


@pytest.mark.parametrize("scale", [2.0, 0.5, 1.3])
def test_gradients(scale):
    image = picture(5, 4, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: resize(x, scale=scale), image)


@pytest.mark.parametrize("scale", [0.25, 1 / 3, 1.7, 4.0])
@pytest.mark.parametrize(("kind", "highest"), [(np.uint8, 255), (np.uint16, 65535)])
def test_stored_and_float_differ_by_a_level(scale, kind, highest):
    smooth = 0.2 + 0.6 * picture(60, 48).numpy()
    stored = (smooth * highest).round().astype(kind)
    ours = resize_stored(stored, scale=scale).astype(float)
    exact = resize(torch.from_numpy(stored.astype(np.float64)), scale=scale)
    difference = np.abs(ours - exact.clamp(0, highest).numpy())
    # Each of the two roundings moves a sum by up to ½; the second pass sums several of the first.
    assert difference.max() < 1.3
    assert (ours == exact.round().numpy()).mean() > 0.7


def test_smaller_scale_first():
    image = np.random.default_rng(0).integers(0, 256, (30, 30)).astype(np.uint8)
    rows_then_columns = resize_stored(resize_stored(image, scale=(0.5, 1)), scale=(1, 0.7))
    columns_then_rows = resize_stored(resize_stored(image, scale=(1, 0.5)), scale=(0.7, 1))
    np.testing.assert_array_equal(resize_stored(image, scale=(0.5, 0.7)), rows_then_columns)
    np.testing.assert_array_equal(resize_stored(image, scale=(0.7, 0.5)), columns_then_rows)


def test_autocast_does_not_lower_precision(device):
    image = torch.rand(3, 20, 20, device=device)
    expected = resize(image, scale=2)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        result = resize(image, scale=2)
    assert result.dtype == torch.float32
    assert torch.equal(result, expected)


def test_devices_agree(accelerator):
    image = torch.rand(2, 3, 33, 47)
    there = resize(image.to(accelerator), scale=1.9)
    assert there.device.type == accelerator.type
    torch.testing.assert_close(there.cpu(), resize(image, scale=1.9))


def test_half_precision_is_computed_in_float32():
    image = torch.rand(3, 16, 16).bfloat16()
    expected = resize(image.float(), scale=2).bfloat16()
    assert torch.equal(resize(image, scale=2), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "neither scale nor size"),
        ({"scale": 2.0, "size": (4, 4)}, "scale=2.0 and size"),
        ({"scale": 0.0}, "scale is 0.0; give a positive"),
        ({"scale": (1.0, -2.0)}, r"scale is \(1.0, -2.0\)"),
        ({"scale": math.nan}, "scale is nan"),
        ({"scale": math.inf}, "scale is inf"),
        ({"size": (0, 4)}, r"size is \(0, 4\); give a positive"),
    ],
)
def test_nonsense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        resize(torch.zeros(4, 4), **options)
    with pytest.raises(ValueError, match=message):
        resize_stored(np.zeros((4, 4), np.uint8), **options)


def test_an_empty_picture_is_refused():
    with pytest.raises(ValueError, match="image is 0×4"):
        resize(torch.zeros(3, 0, 4), scale=2)
