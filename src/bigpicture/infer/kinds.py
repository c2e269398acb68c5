"""Conversion of any kind of image to tensors, and back to the same kind, depth and layout.

    path, Picture, PIL image, array, tensor ──▶ Planes (b, c, h, w) in float32 ──▶ the same kind
    CMYK of a path, Separations, PIL image ──▶ two of them: coloured inks, black ──▶ the same kind

Values are quantised once, on the way back. A path becomes a `Picture`, or `Separations`. PIL images
keep their mode, except palettes, which become RGB or RGBA, and 1 bit, which becomes gray.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bigpicture.image.colour import quantise, to_float
from bigpicture.image.inks import Separations
from bigpicture.image.picture import Picture
from bigpicture.image.read import read, read_pages
from bigpicture.infer.stored import Stored
from bigpicture.shapes import Float, Tensor

__all__ = ["Parts", "Planes", "open_parts", "open_planes"]

_NO_PICTURE = 10.0
"""Floats in [0, 1] have no white this bright: the array's range must be 0 … 255."""


@dataclass(frozen=True)
class Planes:
    """A picture, or a batch of them, as a network sees it.

    Args:
        colour: 1 or 3 channels, in float32, where 1 is white; or `Stored`, still in integers.
        alpha: Opacity in [0, 1], not multiplied into `colour`. None where `colour` is `Stored`.
        bits: Depth of the original: 8, 16 or 32.
        close: Converts enlarged colour and alpha to the kind of the original image.
        close_stored: The same for the result of `Stored.collect`.
    """

    colour: Float[Tensor, "b c h w"] | Stored
    alpha: Float[Tensor, "b 1 h w"] | None
    bits: int
    close: Callable[[Tensor, Tensor | None], Any]
    close_stored: Callable[[np.ndarray], Any] | None = None

    def floats(self) -> Float[Tensor, "b c h w"]:
        """Return the colour in float32."""
        return self.colour.floats() if isinstance(self.colour, Stored) else self.colour


@dataclass(frozen=True)
class Parts:
    """The pictures as which an image is enlarged: itself, or its inks. All have the same size.

    Args:
        planes: One for each picture.
        join: Joins the enlarged pictures to the kind of the original image.
    """

    planes: tuple[Planes, ...]
    join: Callable[[list[Any]], Any]


def open_parts(image: object) -> Parts:
    """Return the parts of any image that `Model.upscale` takes.

    Raises:
        ValueError: If it is not an image, holds NaNs, or its values are out of range.
        ImageError: If it is a path to no image that can be read.
    """
    if isinstance(image, str | os.PathLike):
        image = read_pages(Path(image), keep_cmyk=True).first()
    if _is_pil(image) and image.mode == "CMYK":  # pyright: ignore[reportAttributeAccessIssue]
        return _of_pil_inks(image)
    if isinstance(image, Separations):
        # share the alpha, so that black under transparent pixels does not bleed into edges either
        black = replace(image.black, alpha=image.colour.alpha)
        return Parts(
            (_of_picture(image.colour), _of_picture(black)),
            lambda made: Separations(made[0], replace(made[1], alpha=None)),
        )
    return Parts((open_planes(image),), lambda made: made[0])


def open_planes(image: object) -> Planes:
    """Return the planes of an image of one part; CMYK from a path is read as sRGB.

    Raises:
        ValueError: If it is not an image, holds NaNs, or its values are out of range.
        ImageError: If it is a path to no image that can be read.
    """
    if isinstance(image, str | os.PathLike):
        image = read(Path(image))
    if isinstance(image, Picture):
        return _of_picture(image)
    if isinstance(image, np.ndarray):
        return _of_array(image)
    if isinstance(image, Tensor):
        return _of_tensor(image)
    if _is_pil(image):
        return _of_pil(image)
    raise ValueError(
        f"image is {type(image).__name__}; give a path, a Picture, a PIL image, an array (h, w) or "
        "(h, w, c), or a tensor (c, h, w) or (b, c, h, w)"
    )


def _of_picture(picture: Picture) -> Planes:
    def close(colour: Tensor, alpha: Tensor | None) -> Picture:
        return picture.with_tensors(colour[0], None if alpha is None else alpha[0])

    if picture.bits < 32 and picture.alpha is None:
        stored = Stored(picture.colour)
        return Planes(stored, None, picture.bits, close, lambda c: replace(picture, colour=c))
    colour, alpha = picture.colour_tensor()[None], picture.alpha_tensor()
    _check_finite(colour, "picture")
    return Planes(colour, None if alpha is None else alpha[None].clamp(0, 1), picture.bits, close)


def _of_array(array: np.ndarray) -> Planes:
    array = np.asarray(array)  # without the special behaviour of subclasses such as np.matrix
    if array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        raise ValueError(f"array has shape {array.shape}; it must be (h, w) or (h, w, 1 to 4)")
    floats = np.issubdtype(array.dtype, np.floating)
    if not floats and array.dtype.name not in ("uint8", "uint16"):
        raise ValueError(f"array is {array.dtype}; give uint8, uint16, or floats in [0, 1]")
    bits = 32 if floats else 8 * array.dtype.itemsize

    def close(colour: Tensor, alpha: Tensor | None) -> np.ndarray:
        joined = colour if alpha is None else torch.cat([colour, alpha], 1)
        pixels = quantise(joined[0].permute(1, 2, 0).contiguous().cpu().numpy(), bits)
        return (pixels[..., 0] if array.ndim == 2 else pixels).astype(array.dtype, copy=False)

    pixels = array[..., None] if array.ndim == 2 else array
    if not floats and pixels.shape[2] in (1, 3) and pixels.size:
        flat = array.ndim == 2
        return Planes(Stored(pixels), None, bits, close, lambda c: c[..., 0] if flat else c)
    values = pixels.astype(np.float32) if floats else to_float(pixels)
    planes = torch.from_numpy(np.array(values.transpose(2, 0, 1), order="C"))[None]
    return _split(planes, bits, close, "array")


def _of_tensor(tensor: Tensor) -> Planes:
    if tensor.layout != torch.strided or tensor.device.type == "meta":
        kind = "without values" if tensor.device.type == "meta" else "sparse"
        raise ValueError(f"tensor is {kind}; give one that holds all of its pixels")
    if tensor.ndim not in (3, 4) or not 1 <= tensor.shape[-3] <= 4:
        raise ValueError(
            f"tensor has shape {tuple(tensor.shape)}; it must be (c, h, w) or (b, c, h, w) with "
            "1 to 4 channels"
        )
    floats = tensor.is_floating_point()
    if not floats and tensor.dtype != torch.uint8:
        raise ValueError(f"tensor is {tensor.dtype}; give torch.uint8, or floats in [0, 1]")

    def close(colour: Tensor, alpha: Tensor | None) -> Tensor:
        joined = colour if alpha is None else torch.cat([colour, alpha], 1)
        if not floats:
            joined = (joined * 255).round().clamp(0, 255)
        return (joined if tensor.ndim == 4 else joined[0]).to(tensor.dtype)

    planes = tensor.detach().to(torch.float32)
    planes = planes if floats else planes / 255
    batch = planes if tensor.ndim == 4 else planes[None]
    return _split(batch, 32 if floats else 8, close, "tensor")


def _is_pil(image: object) -> bool:
    return any(base.__module__ == "PIL.Image" for base in type(image).__mro__)


def _of_pil_inks(image: Any) -> Parts:  # noqa: ANN401 - PIL is not one of our dependencies
    inks = open_parts(Separations.from_array(np.asarray(image)))
    info = dict(image.info)

    def join(made: list[Picture]) -> object:
        from PIL import Image

        pixels = np.ascontiguousarray(inks.join(made).array())
        result = Image.frombytes("CMYK", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
        result.info = info
        return result

    return Parts(inks.planes, join)


def _of_pil(image: Any) -> Planes:  # noqa: ANN401 - PIL is not one of our dependencies
    mode, info = image.mode, dict(image.info)
    palette = getattr(image.palette, "mode", "") if mode == "P" else ""
    clear = mode == "PA" or palette == "RGBA" or "transparency" in info
    if clear and mode in ("1", "L", "P", "PA", "RGB"):
        mode = "LA" if mode in ("1", "L") else "RGBA"
    mode = {"1": "L", "P": "RGB"}.get(mode, mode)
    if clear and mode.startswith("I;16"):
        raise ValueError(
            f"PIL image has mode {mode} and a transparent colour, and PIL has no mode for gray of "
            "16 bits with alpha; give the path of its file, or remove info['transparency']"
        )
    if mode not in ("L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B"):
        raise ValueError(f"PIL image has mode {mode}; convert it to L, LA, RGB, RGBA, CMYK or I;16")
    pixels = np.asarray(image if mode == image.mode else image.convert(mode))
    planes = _of_array(pixels.astype(pixels.dtype.newbyteorder("="), copy=False))

    def close(colour: Tensor, alpha: Tensor | None) -> object:
        from PIL import Image

        result = Image.fromarray(planes.close(colour, alpha))
        # profile, EXIF and resolution; a transparent colour has become an alpha channel
        result.info = {name: value for name, value in info.items() if name != "transparency"}
        return result

    def close_stored(colour: np.ndarray) -> object:
        from PIL import Image

        assert planes.close_stored is not None
        result = Image.fromarray(planes.close_stored(colour))
        result.info = dict(info)
        return result

    stored = close_stored if planes.close_stored is not None else None
    return Planes(planes.colour, planes.alpha, planes.bits, close, stored)


def _split(
    planes: Float[Tensor, "b d h w"],
    bits: int,
    close: Callable[[Tensor, Tensor | None], Any],
    name: str,
) -> Planes:
    """Separate colour from alpha, the second of 2 channels or the fourth of 4."""
    if planes.numel() == 0:
        raise ValueError(f"{name} has no pixels: its shape is {tuple(planes.shape)}")
    _check_finite(planes, name)
    if planes.amax() > _NO_PICTURE:
        raise ValueError(
            f"{name} of floats has values up to {planes.amax():g}; white must be 1: divide it by "
            "255 (or 65535), or give integers of 8 or 16 bits"
        )
    colours = 1 if planes.shape[1] < 3 else 3
    alpha = planes[:, colours:].clamp(0, 1) if planes.shape[1] > colours else None
    return Planes(planes[:, :colours], alpha, bits, close)


def _check_finite(planes: Tensor, name: str) -> None:
    wrong = int((~planes.isfinite()).sum())
    if wrong:
        raise ValueError(
            f"{name} has {wrong} values that are NaN or infinite, which would spread over the "
            "result; replace them, for instance by numpy.nan_to_num"
        )
