import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from bigpicture.image import Metadata, Picture, quantise, to_float


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 16)])
def test_every_level_survives_float32(dtype, bits):
    levels = np.arange(2**bits, dtype=dtype)
    np.testing.assert_array_equal(quantise(to_float(levels), bits), levels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tensors_and_back_are_the_same_picture(dtype, channels):
    array = np.random.default_rng(0).integers(0, 255, (5, 7, channels)).astype(dtype)
    picture = Picture.from_array(array.copy(), Metadata(icc=b"profile"))
    colour, alpha = picture.colour_tensor(), picture.alpha_tensor()
    assert colour.dtype == torch.float32 and colour.shape == (picture.colour.shape[2], 5, 7)
    again = picture.with_tensors(colour, alpha)
    np.testing.assert_array_equal(again.array(), array)
    assert again.metadata == picture.metadata and again.bits == picture.bits
    colour.zero_()  # the tensor is the caller's own
    np.testing.assert_array_equal(picture.array(), array)


@pytest.mark.parametrize("bits", [8, 32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (5, 7)])
def test_a_picture_of_tensors_is_not_changed_through_them(bits, channels, size):
    colour, alpha = torch.full((channels, *size), 0.2), torch.full((1, *size), 0.4)
    picture = Picture(np.zeros((2, 2, 3), np.uint8)).with_tensors(colour, alpha, bits)
    before = picture.array().copy()
    colour.zero_()
    alpha.zero_()
    np.testing.assert_array_equal(picture.array(), before)


def test_rounding_is_to_the_nearest_halves_to_even_and_clips():
    values = np.array([-0.1, 0.5 / 255, 1.5 / 255, 2.4 / 255, 1.1], np.float32)
    assert quantise(values, 8).tolist() == [0, 0, 2, 2, 255]
    bright = np.array([-1, 3], np.float32)
    assert quantise(bright, 32) is bright


def test_a_depth_may_be_chosen_and_half_precision_comes_in():
    picture = Picture(np.zeros((2, 2, 3), np.uint8))
    grown = picture.with_tensors(torch.ones(3, 4, 6, dtype=torch.bfloat16), bits=16)
    assert (grown.height, grown.width, grown.bits) == (4, 6, 16)
    assert (grown.colour == 65535).all()


def test_read_only_pixels_make_a_tensor():
    colour = np.zeros((2, 3, 1), np.float32)
    colour.flags.writeable = False
    assert Picture(colour).colour_tensor().shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("colour", "alpha", "reason"),
    [
        (np.zeros((2, 2, 3), np.int64), None, "int64"),
        (np.zeros((2, 2, 2), np.uint8), None, "shape"),
        (np.zeros((0, 2, 3), np.uint8), None, "shape"),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3), np.uint8), "alpha"),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint16), "alpha"),
    ],
)
def test_what_is_no_picture_is_refused(colour, alpha, reason):
    # The tests' own check of annotated shapes comes before the constructor's.
    with pytest.raises((ValueError, TypeCheckError), match=reason):
        Picture(colour, alpha)


def test_numbers_that_have_no_level_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        quantise(np.array([np.nan], np.float32), 8)
    with pytest.raises(ValueError, match="bits is 12"):
        quantise(np.zeros(1, np.float32), 12)
    with pytest.raises(ValueError, match="1 to 4"):
        Picture.from_array(np.zeros((2, 2, 5), np.uint8))
