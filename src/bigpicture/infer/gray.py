"""Gray pictures through colour networks, and colour pictures through gray networks."""

from torch import nn

from bigpicture.models.contract import Limits
from bigpicture.shapes import Float, Tensor

__all__ = ["restore_any_colours"]


def restore_any_colours(
    network: nn.Module,
    limits: Limits,
    low: Float[Tensor, "b c h w"],
    *arguments: object,
) -> Float[Tensor, "b c H W"]:
    """Return `network(low)` for 1 or 3 channels, whichever the network takes.

    A colour network gets a gray picture as three equal channels, and the mean of its output is the
    restored gray; a gray network restores each colour separately. Other arguments, such as the
    size of the result, are passed to the network.

    Raises:
        ValueError: If `low` has another number of channels.
    """
    images, channels = low.shape[:2]
    if channels not in (1, 3):
        raise ValueError(
            f"low must have 1 channel (gray) or 3 (colours), not {channels} (its shape is "
            f"{tuple(low.shape)}); `upscale` takes transparency as well"
        )
    if channels == limits.colours:
        return network(low, *arguments)
    if channels == 1:
        return network(low.expand(-1, limits.colours, -1, -1), *arguments).mean(1, keepdim=True)
    return network(low.flatten(0, 1)[:, None], *arguments).unflatten(0, (images, channels))[:, :, 0]
