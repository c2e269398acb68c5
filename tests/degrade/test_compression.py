import numpy as np
import pytest
import skimage.data
import torch

from bigpicture.degrade.compression import Compression
from bigpicture.image import ImageError

both = pytest.mark.parametrize("codec", ["jpeg", "webp"])


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    pixels = np.ascontiguousarray(skimage.data.chelsea()[60:190, 100:261].transpose(2, 0, 1))
    return torch.from_numpy(pixels).double() / 255


@both
def test_less_quality_is_more_error(codec, photo):
    errors = [
        (Compression(codec, quality).apply(photo, (1, 1)) - photo).square().mean().item()
        for quality in (10, 40, 90)
    ]
    assert errors[0] > errors[1] > errors[2] > 0
    assert errors[2] < 1e-3


@both
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (130, 161)])
def test_levels_of_8_bits_come_out_in_the_same_shape(codec, photo, size):
    for channels in (1, 3):
        image = photo[:channels, : size[0], : size[1]]
        once = Compression(codec, 60).apply(image, (1, 1))
        assert once.shape == image.shape
        assert once.dtype == image.dtype
        torch.testing.assert_close(once * 255, (once * 255).round(), atol=1e-9, rtol=0)
        assert torch.equal(once, Compression(codec, 60).apply(image, (1, 1)))


def test_values_beyond_are_clipped(photo):
    step = Compression("jpeg", 60)
    assert torch.equal(
        step.apply(photo * 3 - 1, (1, 1)), step.apply((photo * 3 - 1).clamp(0, 1), (1, 1))
    )


def test_colour_is_halved_at_any_quality(photo):
    """Columns of red and blue pixels: their mean is left of them."""
    image = torch.zeros_like(photo)
    image[0, :, ::2], image[2, :, 1::2] = 1, 1
    compressed = Compression("jpeg", 95).apply(image, (1, 1))
    assert compressed[0].std() < 0.5 * image[0].std()


@pytest.mark.parametrize("quality", [0, 101])
def test_no_such_quality(quality):
    with pytest.raises(ValueError, match=f"quality is {quality}"):
        Compression("jpeg", quality)


@pytest.mark.parametrize(("codec", "limit"), [("jpeg", 65500), ("webp", 16383)])
def test_the_largest_side_of_a_codec(codec, limit):
    step = Compression(codec, 50)
    assert step.apply(torch.zeros(1, 1, limit), (1, 1)).shape == (1, 1, limit)
    with pytest.raises(ImageError, match=f"{codec} holds {limit} pixels a side, not {limit + 1}"):
        step.apply(torch.zeros(1, 1, limit + 1), (1, 1))
