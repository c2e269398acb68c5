"""EDSR, as its authors share it (Lim et al., 2017).

    sub_mean.*  head.0.*  body.N.body.{0,2}.*  body.16.*  tail.0.N.*  tail.1.*  add_mean.*

`sub_mean` and `add_mean` are 1×1 convolutions that normalise pictures in 0…255 and undo it; they
become the network's mean and standard deviation.
"""

from collections.abc import Mapping

from bigpicture.layers.normalise import DIV2K_MEAN
from bigpicture.shapes import Tensor
from bigpicture.weights.public.release import Converted, Release, rename
from bigpicture.weights.read import Tensors

__all__ = ["AROUND", "BLOCKS", "RELEASE", "normalised_as_stored"]

AROUND: dict[str, str] = {
    r"(sub|add)_mean\..+": "",
    r"head\.0\.(.+)": r"backbone.first.\1",
    r"body\.\d+\.(weight|bias)": r"backbone.last.\1",
    r"tail\.0\.(.+)": r"head.up.\1",
    r"tail\.1\.(.+)": r"head.last.\1",
}
"""Keys of the layers around the blocks → ours, for `rename`. RCAN's are the same."""

BLOCKS: dict[str, str] = {
    r"body\.(\d+)\.body\.([02])\.(.+)": r"backbone.blocks.\1.body.\2.\3",
}
"""Keys of the blocks → ours, for `rename`."""


def normalised_as_stored(ours: Tensors, theirs: Mapping[str, Tensor]) -> Converted:
    """Return `ours` with the mean and standard deviation stored in `theirs` for pictures in 0…255.

    Some training scripts use pictures in 0…1 instead; then the stored mean is below 1.
    """
    if "sub_mean.weight" not in theirs:
        return Converted(ours, DIV2K_MEAN, (1 / 255,) * 3)
    slope, shift = (theirs[f"sub_mean.{kind}"].double() for kind in ("weight", "bias"))
    slope = slope.flatten(1).diagonal()
    unit = 255 if shift.abs().max() > 1 else 1
    mean, std = -shift / slope / unit, 1 / slope / unit
    # the mean was written with four decimals, so rounding removes float32 errors
    rounded = (round(value, 6) for value in mean.tolist())
    return Converted(ours, tuple(rounded), tuple(std.tolist()))


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    return "body.0.body.0.weight" in tensors and "tail.1.weight" in tensors


def _convert(tensors: Tensors) -> Converted:
    return normalised_as_stored(rename(tensors, AROUND | BLOCKS), tensors)


RELEASE = Release(_matches, _convert)
