"""What a network makes of a batch, as one module: processes and compilers know `forward` alone.

    low (b, c, h, w) ──▶ (b, c, H, W), or colours at q points as (b, c, q, 1)

Losses are shown single points as pictures that are one pixel wide.
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
        self, low: Float[Tensor, "b c h w"], size: tuple[int, int], points: Points | None
    ) -> Float[Tensor, "b c H W"]:
        """Return pictures of a `size`; where points are given, they are the pixels, row by row.

        Args:
            low: Small pictures.
            size: H and W, as many pixels as there are points.
            points: Where; None for the pixels of the whole picture.
        """
        if points is None:
            return self.network(low, size)
        return self.network.query(low, *points).mT.unflatten(2, size)


def reference_of(batch: Batch) -> Float[Tensor, "b c H W"]:
    """Return what `Renderer` should have made of a batch."""
    return batch.target if batch.target.ndim == 4 else batch.target.mT.unsqueeze(-1)
