"""Show gray pictures to a network of colours, and the other way round."""

from torch import nn

from bigpicture.models.contract import Limits
from bigpicture.shapes import Float, Tensor

__all__ = ["restore_any_colours"]


def restore_any_colours(
    network: nn.Module, limits: Limits, low: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b c H W"]:
    """Return `network(low)` for 1 or 3 channels, whatever the network takes.

    A network of three colours is shown a gray picture three times and the mean of what it returns
    is the restored gray; a gray network restores each colour on its own.
    """
    images, channels = low.shape[:2]
    if channels == limits.colours:
        return network(low)
    if channels == 1:
        return network(low.expand(-1, limits.colours, -1, -1)).mean(1, keepdim=True)
    return network(low.flatten(0, 1)[:, None]).view(images, channels, *_enlarged(low, limits))


def _enlarged(low: Tensor, limits: Limits) -> tuple[int, int]:
    return low.shape[-2] * limits.scale, low.shape[-1] * limits.scale
