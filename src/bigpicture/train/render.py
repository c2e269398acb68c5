"""What a network makes of a batch, as one module: processes and compilers know `forward` alone.

    low (b, c, h, w) ──▶ (b, c, H, W), or colours at q points as (b, c, q, 1)

Points are shown to losses as pictures one pixel wide.
"""

from torch import nn

from bigpicture.data.batch import Batch, Points
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = ["Renderer", "reference_of"]


class Renderer(nn.Module):
    """Calls a network with what a batch asks for."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, low: Float[Tensor, "b c h w"], size: tuple[int, int] | None, points: Points | None
    ) -> Float[Tensor, "b c H W"]:
        """Return colours at `points` or, without any, pictures of a `size`."""
        if points is not None:
            return _as_picture(self.network.query(low, *points))
        return self.network(low, size)


def reference_of(batch: Batch) -> Float[Tensor, "b c H W"]:
    """Return what `Renderer` should have made of a batch."""
    return batch.target if batch.points is None else _as_picture(batch.target)


def _as_picture(colours: Float[Tensor, "b q c"]) -> Float[Tensor, "b c q 1"]:
    return colours.mT.unsqueeze(-1)
