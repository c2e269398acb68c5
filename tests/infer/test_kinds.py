import numpy as np
import pytest
import torch
from PIL import Image

from bigpicture.image import Metadata, Picture, write
from bigpicture.infer.kinds import open_planes


def array_of(dtype, *shape):
    values = np.random.rand(*shape)
    if np.issubdtype(dtype, np.integer):
        return (values * np.iinfo(dtype).max).astype(dtype)
    return values.astype(dtype)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_arrays(dtype, shape):
    array = array_of(dtype, *shape)
    planes = open_planes(array)
    assert planes.colour.shape == (1, 3 if shape[-1] in (3, 4) else 1, 5, 7)
    assert (planes.alpha is not None) == (shape[2:] in ((2,), (4,)))
    back = planes.close(planes.floats(), planes.alpha)
    assert back.dtype == dtype and back.shape == shape
    np.testing.assert_allclose(back, array, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32, torch.float64])
def test_tensors(dtype, batch, channels):
    values = torch.rand(*batch, channels, 5, 7)
    tensor = (values * 255).to(dtype) if dtype == torch.uint8 else values.to(dtype)
    planes = open_planes(tensor)
    assert planes.colour.shape == (2 if batch else 1, 1 if channels < 3 else 3, 5, 7)
    back = planes.close(planes.floats(), planes.alpha)
    assert back.dtype == dtype and back.shape == tensor.shape
    assert torch.allclose(back, tensor)


@pytest.mark.parametrize(
    ("mode", "back"),
    [("L", "L"), ("LA", "LA"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("P", "RGBA"), ("1", "L")],
)
def test_pil_modes(mode, back):
    image = Image.fromarray(array_of(np.uint8, 5, 7, 4)).convert(mode)
    planes = open_planes(image)
    result = planes.close(planes.floats(), planes.alpha)
    assert isinstance(result, Image.Image) and (result.mode, result.size) == (back, (7, 5))
    assert np.array_equal(np.asarray(result), np.asarray(image.convert(back)))


def test_pil_16_bit():
    array = np.arange(300, dtype=np.uint16).reshape(15, 20) * 7
    planes = open_planes(Image.fromarray(array))
    result = planes.close(planes.floats(), planes.alpha)
    assert planes.bits == 16 and result.mode == "I;16"
    assert np.array_equal(np.asarray(result), array)


def test_pil_transparent_colour_becomes_alpha(tmp_path):
    image = Image.fromarray(np.array([[10, 20]], np.uint8))
    image.info.update(transparency=10, icc_profile=b"profile", dpi=(300, 300))
    planes = open_planes(image)
    result = planes.close(planes.floats(), planes.alpha)
    assert result.mode == "LA" and np.asarray(result)[0, :, 1].tolist() == [0, 255]
    assert result.info == {"icc_profile": b"profile", "dpi": (300, 300)}


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_path_becomes_a_picture(tmp_path, kind):
    picture = Picture.from_array(array_of(np.uint16, 4, 3, 4), Metadata(icc=None))
    write(picture, tmp_path / "picture.png")
    planes = open_planes(kind(tmp_path / "picture.png"))
    result = planes.close(planes.floats(), planes.alpha)
    assert isinstance(result, Picture) and np.array_equal(result.array(), picture.array())


def test_views_and_read_only_arrays():
    array = array_of(np.uint8, 8, 8, 3)[::-2, 1:6]
    array.flags.writeable = False
    planes = open_planes(array)
    assert np.array_equal(planes.close(planes.floats(), planes.alpha), array)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((2, 2, 5), np.uint8), r"shape \(2, 2, 5\); it must be \(h, w\)"),
        (np.zeros((2, 2), np.int64), "array is int64; give uint8, uint16, or floats"),
        (np.zeros((0, 2), np.uint8), "no pixels"),
        (np.full((2, 2), 255.0), "up to 255; white must be 1"),
        (np.full((2, 2), np.nan), "4 values that are NaN or infinite"),
        (torch.zeros(5, 5), r"shape \(5, 5\); it must be \(c, h, w\)"),
        (torch.zeros(5, 5, 3), r"with 1 to 4 channels"),
        (torch.zeros(0, 3, 2, 2), "no pixels"),
        (torch.zeros(1, 2, 2, dtype=torch.int32), "give torch.uint8, or floats"),
        (torch.full((1, 2, 2), torch.inf), "NaN or infinite"),
        (Picture(np.full((2, 2, 1), np.nan, np.float32)), "picture has 4 values that are NaN"),
        (Image.new("HSV", (2, 2)), "mode HSV; convert it to"),
        ([[0.5]], "image is list; give a path"),
        ("nowhere.png", "'nowhere.png' does not exist"),
    ],
)
def test_errors_say_what_would_do(image, message):
    with pytest.raises(ValueError, match=message):
        open_planes(image)


def test_a_transparent_gray_of_16_bits_has_no_mode_to_come_back_in():
    image = Image.fromarray(np.zeros((2, 2), np.uint16))
    image.info["transparency"] = 7
    with pytest.raises(ValueError, match="mode I;16 and a transparent colour.* give the path"):
        open_planes(image)


@pytest.mark.parametrize("mode", ["P", "1"])
def test_opacity_in_a_palette_is_alpha(mode):
    pixels = np.zeros((4, 6, 4), np.uint8)
    pixels[:, 3:] = (200, 100, 50, 255)
    image = Image.fromarray(pixels).quantize(4)
    if mode == "1":
        image = Image.fromarray(pixels[..., 3]).convert("1")
        image.info["transparency"] = 0
    planes = open_planes(image)
    result = planes.close(planes.floats(), planes.alpha)
    assert result.mode == ("RGBA" if mode == "P" else "LA")
    assert np.array_equal(np.asarray(result)[..., -1], pixels[..., 3])
    assert "transparency" not in result.info
    assert open_planes(Image.fromarray(pixels[..., :3]).convert("P")).alpha is None
