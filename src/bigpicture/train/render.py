"""A network's output for a batch, as one module: DDP and compilers only know `forward`.

    low (b, c, h, w) ──▶ (b, c, H, W), or colours at q points as (b, c, q, 1)

Losses see single points as pictures that are one pixel wide.
"""

from torch import nn

from bigpicture.data.batch import Batch, Points
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = ["Renderer", "reference_of"]


class Renderer(nn.Module):
    """Calls a network for what a batch needs: pictures or single points."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, low: Float[Tensor, "b c h w"], size: tuple[int, int], points: Points | None
    ) -> Float[Tensor, "b c H W"]:
        """Return pictures of a `size`; where points are given, they are its pixels, row by row.

        Args:
            low: Low-resolution pictures.
            size: H and W, with as many pixels as there are points.
            points: Points to render; None for all pixels of the picture.
        """
        if points is None:
            return self.network(low, size)
        return self.network.query(low, *points).mT.unflatten(2, size)


def reference_of(batch: Batch) -> Float[Tensor, "b c H W"]:
    """Return the target of a batch in the shape of what `Renderer` returns."""
    return batch.target if batch.target.ndim == 4 else batch.target.mT.unsqueeze(-1)
