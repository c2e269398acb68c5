"""Modulation of blocks from the tensors of their convolutions and of the attention after these.

    body.0, body.2   a residual block's convolutions      body.3   its attention

Not stored in tensors, and set to the defaults: the convolutions' dilation, IKM's form, and what its
kernels learn from a batch.
"""

from collections.abc import Mapping

from bigpicture.context.crac import CRACPart
from bigpicture.layers.modulation import CRACSettings, Modulation
from bigpicture.shapes import Tensor
from bigpicture.weights.errors import WeightsError

__all__ = ["steering", "steering_of"]


def steering(
    tensors: Mapping[str, Tensor], stems: list[str]
) -> tuple[Modulation, tuple[int, ...] | None]:
    """Return how residual blocks are modulated, and at which places; None for all places.

    Args:
        tensors: Tensors by key.
        stems: Prefix of the keys of each block, such as `blocks.0.body.`.

    Raises:
        KeyError: If a tensor is missing.
        WeightsError: If blocks are modulated in more than one way.
    """
    found = [steering_of(tensors, f"{stem}0.", f"{stem}3.") for stem in stems]
    steered = [modulation for modulation in found if modulation.attention != "none"]
    if not steered:
        return found[0], None
    if any(modulation != steered[0] for modulation in steered):
        raise WeightsError("blocks are modulated in more than one way, which is not supported")
    if len(steered) == len(found):
        return steered[0], None
    places = (n for n, modulation in enumerate(found, 1) if modulation.attention != "none")
    return steered[0], tuple(places)


def steering_of(tensors: Mapping[str, Tensor], convolution: str, attention: str) -> Modulation:
    """Return how a convolution is modulated.

    Args:
        tensors: Tensors by key.
        convolution: Prefix of its keys, such as `blocks.0.body.0.`.
        attention: Prefix of the keys of the attention that may follow.

    Raises:
        KeyError: If a tensor is missing.
    """
    kernel = tensors[f"{convolution}weight"].shape[-1]
    if f"{convolution}encode.weight" in tensors:
        return Modulation("crac", kernel, crac=_crac(tensors, convolution, kernel))
    if f"{convolution}threshold" in tensors:
        threshold = tensors[f"{convolution}threshold"][0].item()
        return Modulation("ikm", kernel, threshold=threshold)
    if f"{attention}excite.0.weight" in tensors:
        inside, channels = tensors[f"{attention}excite.0.weight"].shape[:2]
        return Modulation("channel", kernel, reduction=channels // inside)
    if f"{attention}conv.weight" in tensors:
        return Modulation("spatial", kernel)
    return Modulation("none", kernel)


def _crac(tensors: Mapping[str, Tensor], stem: str, kernel: int) -> CRACSettings:
    latent = len(tensors[f"{stem}encode.weight"])
    interaction = f"{stem}interact.weight"
    marks: dict[CRACPart, str] = {
        "cdrr": f"{stem}reason.embed.weight",
        "f_a1": f"{stem}by_output.decode.weight",
        "f_a2": f"{stem}by_input.decode.weight",
    }
    without: list[CRACPart] = [part for part, mark in marks.items() if mark not in tensors]
    if interaction not in tensors and "f_a1" not in without:
        without.append("channel-interaction")
    return CRACSettings(
        groups=len(tensors[interaction]) if interaction in tensors else CRACSettings.groups,
        latent=None if latent == kernel**2 // 2 + 1 else latent,
        without=tuple(without),
    )
