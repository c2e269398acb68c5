"""Mirror a picture or its features beyond the right and lower border, and crop them again.

    (b, c, h, w) → (b, c, H, W)     H ≥ h, W ≥ w

The result equals that of `F.pad(mode="reflect")` where that works; a picture that is too small to
fill the padding is mirrored repeatedly. Indices instead of pads let one formula serve every size,
including sizes known only when an exported network runs.
"""

import torch

from bigpicture.shapes import Float, Tensor

__all__ = ["crop_to", "mirror_to", "mirror_to_multiple"]


def mirror_to(x: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c H W"]:
    """Return `x` extended to `height` × `width`.

    >>> mirror_to(torch.arange(3.0).view(1, 1, 1, 3), 1, 8).flatten().tolist()
    [0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0]
    """
    rows, columns = (
        _mirrored(there, wanted, x.device)
        for there, wanted in zip(x.shape[-2:], (height, width), strict=True)
    )
    return x[..., rows[:, None], columns]


def crop_to(x: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c y x"]:
    """Return the upper left `height` × `width` of `x`."""
    if not torch.compiler.is_compiling():
        return x[..., :height, :width]
    # a slice would compare its end with sizes that are not yet known
    rows, columns = (torch.arange(side, device=x.device) for side in (height, width))
    return x.index_select(2, rows).index_select(3, columns)


def mirror_to_multiple(x: Float[Tensor, "b c h w"], multiple: int) -> Float[Tensor, "b c H W"]:
    """Return `x` extended until both sides are divisible by `multiple`."""
    if multiple == 1:
        return x
    height, width = (-(-side // multiple) * multiple for side in x.shape[-2:])
    if not torch.compiler.is_compiling() and (height, width) == x.shape[-2:]:
        return x
    return mirror_to(x, height, width)


def _mirrored(there: int, wanted: int, device: torch.device) -> Tensor:
    """Return the source index of each of `wanted` positions: a triangle wave over `there`."""
    last = there - 1
    position = torch.arange(wanted, device=device)
    # a single pixel repeats, which the formula gives with a period of 1 instead of 0
    period = torch.sym_max(2 * last, 1)
    return last - (position % period - last).abs()
