"""LIIF, as its authors share it (Chen et al., 2021).

    encoder.*  imnet.layers.N.*

The encoder is EDSR-baseline or RDN without its upsampler, under the keys of that network's authors.
Its `sub_mean` and `add_mean` are stored but not used: pictures are normalised to [−1, 1] outside.
"""

from collections.abc import Mapping

from bigpicture.shapes import Tensor
from bigpicture.weights.public import edsr, rdn
from bigpicture.weights.public.release import Converted, Release, rename
from bigpicture.weights.read import Tensors

__all__ = ["RELEASE"]

_ENCODER = "encoder."


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    return "imnet.layers.0.weight" in tensors and any(key.startswith(_ENCODER) for key in tensors)


def _convert(tensors: Tensors) -> Converted:
    head = rename(tensors, {r"imnet\.layers\.(.+)": r"head.imnet.\1", r"encoder\..+": ""})
    encoder = {
        key.removeprefix(_ENCODER): value
        for key, value in tensors.items()
        if key.startswith(_ENCODER)
    }
    is_rdn = "SFENet1.weight" in encoder
    ours = rdn.our_keys(encoder) if is_rdn else rename(encoder, edsr.AROUND | edsr.BLOCKS)
    return Converted(ours | head, mean=(0.5,), std=(0.5,))


RELEASE = Release(_matches, _convert)
