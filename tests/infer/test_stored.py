"""Integers that become floats window by window give what floats at once would have given."""

import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from bigpicture.image import Picture
from bigpicture.infer.stored import Stored


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_windows_are_those_of_the_floats(dtype, channels):
    pixels = np.random.randint(0, np.iinfo(dtype).max + 1, (9, 12, channels), dtype)
    stored = Stored(pixels)
    assert stored.shape == stored.floats().shape == (1, channels, 9, 12)
    window = stored[..., slice(2, 7), slice(3, 11)]
    assert torch.equal(window, stored.floats()[..., 2:7, 3:11])
    back = stored.collect(
        stored.room_for((9, 12)),
        [((0, 4), stored.floats()[..., :4, :]), ((4, 9), stored[..., slice(4, 9), slice(None)])],
    )
    assert back.dtype == dtype and np.array_equal(back, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(30, 41), (30, 41, 1), (30, 41, 3)])
@pytest.mark.parametrize("tile", ["off", 16])
def test_integers_in_bands_are_the_floats_quantised_once(tiny, dtype, shape, tile):
    top = np.iinfo(dtype).max
    array = np.random.randint(0, top + 1, shape, dtype)
    model = tiny.attentive()
    floats = model.upscale(array.astype(np.float32) / np.float32(top), tile=tile)
    result = model.upscale(array, tile=tile)
    assert result.dtype == dtype and result.shape == floats.shape
    assert np.array_equal(result, np.rint(np.clip(floats, 0, 1) * np.float32(top)).astype(dtype))


def test_pictures_and_pil_images_keep_what_they_say(tiny):
    pixels = np.random.randint(0, 256, (8, 9, 3), np.uint8)
    picture = tiny.nearest().upscale(Picture(pixels))
    assert np.array_equal(picture.colour, pixels.repeat(2, 0).repeat(2, 1))
    image = Image.fromarray(pixels)
    image.info["dpi"] = (300, 300)
    result = tiny.nearest().upscale(image)
    assert result.info["dpi"] == (300, 300)
    assert np.array_equal(np.asarray(result), picture.colour)


def test_a_large_picture_is_never_floats_as_a_whole(tiny):
    pixels = np.zeros((2000, 1000, 3), np.uint8)
    model = tiny.nearest()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    result = model.upscale(pixels, tile=100)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    # numpy tells its memory: the result, a band of 200 rows as floats twice, and little else
    assert peak < result.nbytes + 4 * (200 * 2000 * 3 * 4)


def test_changes_to_a_mapped_file_that_it_does_not_hold_are_kept(tiny, tmp_path, monkeypatch):
    """Arrays from a spool are let go of while they are read, but they have no changes to lose."""
    monkeypatch.setattr("bigpicture.infer.stored._TOUCHED", 1)
    np.zeros((64, 64, 3), np.uint8).tofile(tmp_path / "pixels")
    pixels = np.memmap(tmp_path / "pixels", np.uint8, mode="c", shape=(64, 64, 3))
    pixels[:] = 255
    result = tiny.nearest().upscale(pixels, tile=32)
    assert (pixels == 255).all() and (result == 255).all()
