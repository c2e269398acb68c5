"""Cross-scale non-local attention: rebuilds every patch from larger, similar ones elsewhere.

    gather   (b, c, h, w) ──1×1──▶ reference (b, c/2, h, w) and values (b, c, h, w)
    apply    match (b, c/2, h, w) against the reference shrunk by s: hw × hw/s² similarities of 3×3
             patches ──softmax──▶ weights of overlapping 3s×3s value patches, which are summed
             (b, c, s·h, s·w) ──3×3, stride s──▶ (b, c, h, w)            for each search scale s

A pattern that recurs at another size, such as the windows of a façade, finds itself s times finer.
The context grows with the picture, and the work with its square: tiles that do not share it search
their own window, as the paper does.

Source: Cao et al. (CiaoSR), eqs. (7)-(8), https://arxiv.org/abs/2212.04362, after Mei et al.
    (CSNLN), CVPR 2020, https://arxiv.org/abs/2006.01424. Loads CiaoSR's public weights.
Changed: patches are never extracted. Similarities of patches are sums of similarities of pixels
    along the diagonals of a 3×3 window, and overlapping patches sum the weights in the same way;
    so both products are over pixels, 9 times smaller. Queries are processed window by window, so
    that memory does not grow with the square, except with gradients, which need all similarities,
    or in a graph for every size, which has one window. Results are the same up to rounding.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from bigpicture.compute.diagonals import diagonal_sum
from bigpicture.compute.pad import crop_to, mirror_to
from bigpicture.compute.precision import without_autocast
from bigpicture.compute.products import linear
from bigpicture.compute.rectangle import Rectangle
from bigpicture.context.contract import ContextOperator, Part
from bigpicture.shapes import Float, Tensor

__all__ = ["CrossScaleAttention", "CrossScaleContext", "Piece"]

TEMPERATURE = 10.0
"""Factor of the similarities before the softmax."""
_OVERLAP = 6.0  # the released code divides sums of overlapping patches by this, at any scale
_SHORTEST = 1e-4  # least norm that reference patches are divided by
_HALO = 2  # a rebuilt pixel depends on the similarities of pixels this far away
_AT_ONCE = 2**26  # similarities
_AT_ONCE_ON_CPU = 6 * 2**20  # few enough to stay in cache, and in memory that is reused


class Piece(NamedTuple):
    """The features gathered from a part of the picture."""

    top: int
    left: int
    reference: Float[Tensor, "b d y x"]
    values: Float[Tensor, "b c y x"]


class CrossScaleContext(NamedTuple):
    """The features that rebuild a picture of `height` × `width`, in the pieces gathered so far."""

    height: int
    width: int
    pieces: tuple[Piece, ...]

    def merge(self, other: "CrossScaleContext") -> "CrossScaleContext":
        """Return the pieces of both parts, joined into one once they cover the picture."""
        merged = self._replace(pieces=self.pieces + other.pieces)
        known = sum(values.shape[-2] * values.shape[-1] for *_, values in merged.pieces)
        if known < self.height * self.width:
            return merged
        return self._replace(pieces=(Piece(0, 0, merged.reference, merged.values),))

    @property
    def reference(self) -> Float[Tensor, "b d h w"]:
        """The features that patches are compared with, not yet shrunk. Needs all pieces."""
        return self._placed([piece.reference for piece in self.pieces])

    @property
    def values(self) -> Float[Tensor, "b c h w"]:
        """The features that patches are rebuilt from. Needs all pieces."""
        return self._placed([piece.values for piece in self.pieces])

    def _placed(self, maps: Sequence[Tensor]) -> Tensor:
        if len(maps) == 1:
            return maps[0]
        whole = maps[0].new_zeros(*maps[0].shape[:2], self.height, self.width)
        for (top, left, *_), own in zip(self.pieces, maps, strict=True):
            height, width = own.shape[-2:]
            whole[..., top : top + height, left : left + width] = own
        return whole


class CrossScaleAttention(ContextOperator[CrossScaleContext]):
    """A layer that rebuilds each pixel from similar places at other scales.

    Args:
        channels: Number c of input channels, even; the output has c for each search scale.
        scales: Search scales s, the factors by which matches are larger: 2, 3, 4 or several.

    Attributes:
        reach: Distance in pixels at which a pixel acts other than through the context.

    Raises:
        ValueError: If `channels` is odd, or `scales` are not among 2, 3 and 4 in rising order.
    """

    reach = _HALO + 1

    def __init__(self, channels: int, scales: Sequence[int] = (2,)) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"channels must be even, as half of them are compared, not {channels}")
        if not scales or [s for s in (2, 3, 4) if s in scales] != list(scales):
            raise ValueError(
                f"scales must be among 2, 3 and 4, each once and rising, not {tuple(scales)}"
            )
        self.scales = tuple(scales)
        self.match = nn.Sequential(nn.Conv2d(channels, channels // 2, 1), nn.PReLU())
        self.reference = nn.Sequential(nn.Conv2d(channels, channels // 2, 1), nn.PReLU())
        self.values = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.PReLU())
        self.down = nn.ModuleDict(
            {str(s): nn.Conv2d(channels, channels, 3, stride=s, padding=1) for s in scales}
        )

    def gather(self, x: Float[Tensor, "b c h w"], part: Part | None = None) -> CrossScaleContext:
        """Return the features that the picture can be rebuilt from."""
        height, width = x.shape[-2:]
        top = left = 0
        if part is not None:
            part = part.on_grid(height, width)
            (top, *_), (left, *_) = part
            height, width = (span.whole for span in part)
            x = part.crop(x)
        # shrinking is linear, so it can wait until the pieces are together
        piece = Piece(top, left, self.reference[0](x), self.values(x))
        return CrossScaleContext(height, width, (piece,))

    def apply(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Float[Tensor, "b c h w"], context: CrossScaleContext
    ) -> Float[Tensor, "b d h w"]:
        """Return `x` rebuilt at each search scale, concatenated along the channels."""
        match = self.match(x)
        whole = context.reference, context.values
        return torch.cat([self._at(scale, match, *whole) for scale in self.scales], 1).to(x.dtype)

    def attention(
        self, x: Float[Tensor, "b c h w"], context: CrossScaleContext, pixel: tuple[int, int]
    ) -> dict[int, Float[Tensor, "b y x"]]:
        """Return, for each search scale s, how similar a pixel is to each place of the coarse grid.

        A place (y, x) is the s×s pixels from (s·y, s·x) on; the shares of all places sum to one.
        They weight the places that rebuild the patch around the pixel, before overlapping patches
        are summed.

        Args:
            x: As for `apply`.
            context: As for `apply`.
            pixel: Row and column in `x`.
        """
        match = self.match(x)
        middle = Rectangle(pixel[0], pixel[0] + 1, pixel[1], pixel[1] + 1)
        found = {}
        for scale in self.scales:
            keys = self._keys(scale, context.reference)
            height, width = (scale * side for side in keys.shape[-2:])
            outer = middle.grown(1, height, width)
            own = outer.of(mirror_to(match, height, width).permute(2, 3, 0, 1)).unbind(2)
            shares = [
                _shares(*one, outer, middle).view(keys.shape[-2:])
                for one in zip(own, keys, _sharpness(keys), strict=True)
            ]
            found[scale] = torch.stack(shares)
        return found

    def _keys(self, scale: int, reference: Tensor) -> Float[Tensor, "b k y x"]:
        """Return the features that patches are compared with, on a grid coarser by `scale`."""
        size = [-(-side // scale) for side in reference.shape[-2:]]
        whole = mirror_to(reference, *(scale * side for side in size))
        return self.reference[1](F.interpolate(whole, size, mode="bilinear"))

    def _at(self, scale: int, match: Tensor, reference: Tensor, values: Tensor) -> Tensor:
        keys = self._keys(scale, reference)
        height, width = (scale * side for side in keys.shape[-2:])
        beyond = height - values.shape[-2], width - values.shape[-1]
        blocks = F.pixel_unshuffle(mirror_to(values, height, width), scale)
        # Products of bf16 are too coarse to tell which of many patches is the most similar.
        with without_autocast(match.device.type):
            precise = torch.promote_types(match.dtype, torch.float32)
            rebuilt = _rebuild(match.to(precise), keys.to(precise), blocks.to(precise), beyond)
            fine = F.pixel_shuffle(rebuilt, scale)
        return self.down[str(scale)](fine.to(match.dtype)) / _OVERLAP


def _rebuild(
    match: Float[Tensor, "b k h w"],
    keys: Float[Tensor, "b k y x"],
    blocks: Float[Tensor, "b d y x"],
    beyond: tuple[int, int],
) -> Float[Tensor, "b d h w"]:
    """Return, for each pixel, the blocks of the places whose surroundings resemble its own.

    Args:
        match: Features that are compared with the keys.
        keys: Features of the coarse grid.
        blocks: Values at each place of it: s² pixels of the fine grid, as channels.
        beyond: Numbers of mirrored rows and columns at the end, whose patches overlap the last
            pixels.
    """
    places = keys.shape[-2] * keys.shape[-1]
    height, width = (side + more for side, more in zip(match.shape[-2:], beyond, strict=True))
    padded = mirror_to(match, height, width).permute(0, 2, 3, 1)
    sharpness = _sharpness(keys)
    windows = _windows(height, width, _at_once(match) // places)
    traced = torch.is_grad_enabled() or torch.compiler.is_compiling()
    scratch = None if traced else match.new_empty(places * max(w[0].area for w in windows))
    result = match.new_empty(*padded.shape[:3], blocks.shape[1])
    for outer, middle, window in windows:
        for i in range(len(match)):
            own = outer.of(padded[i])
            weights = _shares(own, keys[i], sharpness[i], outer, middle, scratch)
            weights = diagonal_sum(weights.unflatten(-1, keys.shape[-2:]), scratch)
            weights = window.within(middle, weights)
            rebuilt = linear(weights.reshape(-1, places), blocks[i].flatten(1))
            window.of(result[i]).copy_(rebuilt.view(*weights.shape[:2], -1))
    return crop_to(result.permute(0, 3, 1, 2), match.shape[-2], match.shape[-1])


def _at_once(x: Tensor) -> int:
    return _AT_ONCE_ON_CPU if x.device.type == "cpu" else _AT_ONCE


def _shares(
    own: Float[Tensor, "v u k"],
    keys: Float[Tensor, "k j i"],
    sharpness: Float[Tensor, " p"],
    outer: Rectangle,
    middle: Rectangle,
    scratch: Tensor | None = None,
) -> Float[Tensor, "y x p"]:
    """Return how similar the patches around the pixels of `middle` are to those around the places.

    Args:
        own: Features of the pixels of `outer`, those of `middle` and a halo of 1.
        keys: Features of the coarse grid, with its p places.
        sharpness: Factor of each place's similarities.
        outer: Where `own` lies.
        middle: The query pixels.
        scratch: As in `diagonal_sum`.
    """
    similar = linear(own.flatten(0, 1), keys.flatten(1).mT)
    similar = diagonal_sum(similar.view(*own.shape[:2], *keys.shape[-2:]), scratch)
    return _softmax(middle.within(outer, similar).flatten(2), sharpness, scratch)


def _softmax(
    similar: Float[Tensor, "y x p"], sharpness: Float[Tensor, " p"], scratch: Tensor | None
) -> Float[Tensor, "y x p"]:
    if scratch is None:
        return torch.softmax(similar * sharpness, -1)
    sharp = scratch[: similar.numel()].view(similar.shape)
    return torch.softmax(torch.mul(similar, sharpness, out=sharp), -1)


def _sharpness(keys: Float[Tensor, "b k y x"]) -> Float[Tensor, "b p"]:
    """Return the temperature divided by the norm of the 3×3 patch around each place."""
    energy = F.avg_pool2d(keys.square().sum(1, keepdim=True), 3, stride=1, padding=1) * 9
    return TEMPERATURE / energy.clamp(min=_SHORTEST**2).sqrt().flatten(1)


def _windows(height: int, width: int, area: int) -> list[tuple[Rectangle, Rectangle, Rectangle]]:
    """Cut a picture into windows of at most `area` pixels; return each with halos of 2, 1 and 0."""
    if torch.compiler.is_compiling():
        own = Rectangle(0, height, 0, width)  # loops would tie the graph to one size
        return [(own, own, own)]
    area = max(area, 16**2)  # smaller ones would be mostly halo
    # matrix products are fastest with multiples of sixteen rows
    across = width if area >= 12 * width else math.isqrt(area) // 4 * 4 - 2 * _HALO
    down = area // min(width, across + 2 * _HALO) // 4 * 4 - 2 * _HALO
    windows = []
    for top in range(0, height, down):
        for left in range(0, width, across):
            own = Rectangle(top, min(top + down, height), left, min(left + across, width))
            grown = (own.grown(by, height, width) for by in (_HALO, 1))
            windows.append((*grown, own))
    return windows
