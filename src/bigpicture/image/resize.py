"""MATLAB's bicubic `imresize`, the resampling behind the field's standard low-resolution images.

    (…, h, w) ──rows──▶ (…, H, w) ──columns──▶ (…, H, W)     the smaller scale first, rows if equal

Sample i of the output lies at (i + ½)/scale − ½ in the input and is a weighted mean of the input
samples around that point, with the weights of Keys' cubic (a = −0.5). When an axis shrinks, the
kernel is widened by 1/scale, which removes detail that the smaller grid cannot hold (antialiasing).
Beyond the border, the picture is mirrored, edge sample included (MATLAB since 2014), or its edge
sample repeats (`border="clamp"`, MATLAB before).

`resize_stored` computes on 8- and 16-bit arrays as MATLAB does on uint8 and uint16: it rounds and
clips after *each* of the two passes. It reproduces the low-resolution files of the standard
benchmark sets bit for bit, which is impossible without the intermediate rounding. `resize` computes
on floating-point tensors without rounding, on any device, and is differentiable.

Source: R. G. Keys, "Cubic Convolution Interpolation for Digital Image Processing", IEEE Trans.
    ASSP 29(6), 1981. https://doi.org/10.1109/TASSP.1981.1163711
    MathWorks, documentation of `imresize`. https://www.mathworks.com/help/images/ref/imresize.html
"""

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Int

from bigpicture.shapes import Float, Tensor, UInt8, UInt16

Border = Literal["mirror", "clamp"]
Scale = int | float | tuple[int | float, int | float]
Stored = UInt8[np.ndarray, "h w *c"] | UInt16[np.ndarray, "h w *c"]
StoredOut = UInt8[np.ndarray, "H W *c"] | UInt16[np.ndarray, "H W *c"]

# Output samples computed by one matrix product. Larger blocks multiply by more zeros, smaller ones
# start more products; between 32 and 128 the time hardly changes.
_BLOCK = 64


def resize(
    image: Float[Tensor, "*batch h w"],
    *,
    scale: Scale | None = None,
    size: tuple[int, int] | None = None,
    border: Border = "mirror",
) -> Float[Tensor, "*batch H W"]:
    """Resample a floating-point picture bicubically, without rounding or clipping.

    The weights are computed in float64 and applied in the picture's own precision (float32 for a
    half-precision picture), inside `torch.autocast` too. Cubic weights are negative in places: the
    result overshoots the input's range at sharp edges.

    Args:
        image: The picture, in any range, its last two axes height and width.
        scale: Enlargement of both sides, or of (height, width). The output has
            `ceil(scale · side)` samples, as in MATLAB; where an exact size matters, give `size`.
        size: Height and width of the output. The scale of each axis is then out/in.
        border: What lies beyond the border: the mirrored picture, or its repeated edge sample.

    Returns:
        The picture on the new grid, of the same type and on the same device.

    Raises:
        ValueError: If not exactly one of `scale` and `size` is given, if either is not positive and
            finite, if the picture is empty, or if `border` is unknown.

    >>> ramp = torch.arange(4.0).expand(1, 4, 4)
    >>> resize(ramp, scale=0.5)[0, 0]
    tensor([0.4609, 2.5391])
    >>> resize(ramp, size=(3, 9)).shape
    torch.Size([1, 3, 9])
    """
    passes = _plan((image.shape[-2], image.shape[-1]), scale, size)
    # Half precision cannot hold the weights' small differences, nor can a matrix product under
    # autocast, which would round its operands to half precision.
    result = image.to(torch.promote_types(image.dtype, torch.float32))
    with torch.autocast(image.device.type, enabled=False):
        for step in passes:
            result = _resize_axis(result, step, border)
    return result.to(image.dtype)


def resize_stored(
    image: Stored,
    *,
    scale: Scale | None = None,
    size: tuple[int, int] | None = None,
    border: Border = "mirror",
) -> StoredOut:
    """Resample an 8- or 16-bit picture as MATLAB does, rounding after each of the two passes.

    Args:
        image: The picture: gray (h, w) or with channels last, uint8 or uint16.
        scale: Enlargement of both sides, or of (height, width). The output has
            `ceil(scale · side)` samples, as in MATLAB; where an exact size matters, give `size`.
        size: Height and width of the output. The scale of each axis is then out/in.
        border: What lies beyond the border: the mirrored picture, or its repeated edge sample.

    Returns:
        The picture on the new grid, of the same type.

    Raises:
        ValueError: If the picture is neither uint8 nor uint16 or is empty, if not exactly one of
            `scale` and `size` is given, if either is not positive and finite, or if `border` is
            unknown.

    >>> resize_stored(np.array([[0, 0, 255, 255]], np.uint8), size=(1, 8))
    array([[  0,   0,   0,  52, 203, 255, 255, 255]], dtype=uint8)
    """
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"image has type {image.dtype}; give uint8 or uint16, or a float tensor to `resize`"
        )
    for step in _plan((image.shape[0], image.shape[1]), scale, size):
        moved = np.moveaxis(image, step.axis, 0)
        image = np.moveaxis(_resize_first_axis(moved, step, border), 0, step.axis)
    return np.ascontiguousarray(image)


class _Pass(NamedTuple):
    """The resampling of one axis (0 height, 1 width) from `before` to `after` samples."""

    axis: int
    before: int
    after: int
    scale: int | float


def _plan(
    sides: tuple[int, int],
    scale: Scale | None,
    size: tuple[int, int] | None,
) -> list[_Pass]:
    """Return the passes whose scale is not 1, in MATLAB's order: the smaller scale first."""
    if min(sides) < 1:
        raise ValueError(f"image is {sides[0]}×{sides[1]}; it needs at least one sample a side")
    if scale is not None and size is not None:
        raise ValueError(f"got scale={scale} and size={size}; give only one of the two")
    if size is not None:
        if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
            raise ValueError(f"size is {size}; give a positive whole height and width")
        passes = [_Pass(i, sides[i], size[i], size[i] / sides[i]) for i in (0, 1)]
    elif scale is not None:
        scales = scale if isinstance(scale, tuple) else (scale, scale)
        if len(scales) != 2 or not all(0 < each < math.inf for each in scales):
            raise ValueError(f"scale is {scale}; give a positive number, or one for each axis")
        passes = [_Pass(i, sides[i], math.ceil(scales[i] * sides[i]), scales[i]) for i in (0, 1)]
    else:
        raise ValueError("got neither scale nor size; give one of the two")
    # A pass at scale 1 has the weights 0 … 0 1 0 … 0 and can be skipped. Python's sort is stable,
    # like MATLAB's: at equal scales, rows come first.
    return sorted((p for p in passes if p.scale != 1), key=lambda p: p.scale)


def _keys(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Return Keys' cubic kernel with a = −0.5 at distances `x` from its centre."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _taps(step: _Pass, border: Border) -> tuple[Int[np.ndarray, "H k"], Float[np.ndarray, "H k"]]:
    """Return the k input samples that each output sample reads, and their weights (sum 1)."""
    narrowing = min(step.scale, 1.0)
    reach = 2 / narrowing
    centre = (np.arange(step.after) + 0.5) / step.scale - 0.5
    first = np.floor(centre - reach).astype(np.int64)
    index = first[:, None] + np.arange(math.ceil(2 * reach) + 2)
    weight = _keys((centre[:, None] - index) * narrowing)
    weight /= weight.sum(axis=1, keepdims=True)
    used = (weight != 0).any(axis=0)
    return _inside(index[:, used], step.before, border), weight[:, used]


def _inside(index: Int[np.ndarray, "H k"], count: int, border: Border) -> Int[np.ndarray, "H k"]:
    """Replace indices beyond the border by those of the samples that they mirror or repeat."""
    if border == "clamp":
        return index.clip(0, count - 1)
    if border == "mirror":
        index = index % (2 * count)
        return np.minimum(index, 2 * count - 1 - index)
    raise ValueError(f"border is {border!r}; give 'mirror' or 'clamp'")


def _resize_first_axis(image: np.ndarray, step: _Pass, border: Border) -> np.ndarray:
    """Resample axis 0 of a stored picture with sums in float64, rounded half up and clipped."""
    index, weight = _taps(step, border)
    highest = np.iinfo(image.dtype).max
    result = np.empty((step.after, *image.shape[1:]), image.dtype)
    for start in range(0, step.after, _BLOCK):
        block = slice(start, start + _BLOCK)
        total = np.zeros(result[block].shape)
        # Tap by tap, not as a matrix product: sums of exactly n + ½ occur, and a product that adds
        # in another order on another CPU would round some of them down.
        for read, share in zip(index[block].T, weight[block].T, strict=True):
            total += share.reshape(-1, *[1] * (image.ndim - 1)) * image[read]
        result[block] = np.floor(total + 0.5).clip(0, highest)
    return result


def _resize_axis(
    image: Float[Tensor, "*batch h w"], step: _Pass, border: Border
) -> Float[Tensor, "*batch H W"]:
    """Resample one axis of a floating-point picture."""
    rows, axis = step.axis == 0, step.axis - 2
    pieces = (
        matrix.to(image) @ image[..., span, :] if rows else image[..., span] @ matrix.to(image).mT
        for span, matrix in _blocks(step, border)
    )
    if image.requires_grad and torch.is_grad_enabled():
        return torch.cat(list(pieces), dim=axis)
    # piece by piece, to avoid holding all pieces and their concatenation at once
    shape = (step.after, image.shape[-1]) if rows else (image.shape[-2], step.after)
    result, start = image.new_empty(*image.shape[:-2], *shape), 0
    for piece in pieces:
        result.narrow(axis, start, piece.shape[axis]).copy_(piece)
        start += piece.shape[axis]
    return result


def _blocks(step: _Pass, border: Border) -> Iterator[tuple[slice, Float[Tensor, "out span"]]]:
    """Cut the resampling matrix, zero far from its diagonal, into dense blocks along it.

    Yields:
        The span of input samples that a block of output samples reads, and the matrix of weights.
    """
    index, weight = _taps(step, border)
    for start in range(0, step.after, _BLOCK):
        read, share = index[start : start + _BLOCK], weight[start : start + _BLOCK]
        low, high = int(read.min()), int(read.max()) + 1
        matrix = np.zeros((len(read), high - low))
        # `add.at` and not `=`: at the border several taps read the same sample.
        np.add.at(matrix, (np.arange(len(read))[:, None], read - low), share)
        yield slice(low, high), torch.from_numpy(matrix)
