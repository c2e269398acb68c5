"""Pixel losses: how far each value is from the reference.

    (b, c, H, W), (b, c, H, W) ──▶ ()     the mean over all values, in float32

L1 is |d|. Charbonnier is √(d² + ε²): L1 with a rounded tip, whose gradient fades where the error is
small beside ε.

Source: Charbonnier et al., "Two Deterministic Half-Quadratic Regularization Algorithms for Computed
    Imaging", ICIP 1994, as in Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate
    Super-Resolution", CVPR 2017, eq. (4). https://arxiv.org/abs/1704.03915
"""

from torch import nn

from bigpicture.shapes import Float, Tensor

__all__ = ["L1", "Charbonnier"]


class L1(nn.Module):
    """The mean absolute error."""

    def forward(
        self, restored: Float[Tensor, "b c H W"], reference: Float[Tensor, "b c H W"]
    ) -> Float[Tensor, ""]:
        """Return the loss, in the units of the pictures."""
        return (restored.float() - reference.float()).abs().mean()


class Charbonnier(nn.Module):
    """The mean of √(d² + ε²).

    Args:
        epsilon: ε, in the units of the pictures: errors well above it count as in L1.

    Raises:
        ValueError: If `epsilon` is not positive.
    """

    def __init__(self, epsilon: float = 1e-3) -> None:
        super().__init__()
        if not epsilon > 0:
            raise ValueError(f"epsilon is {epsilon}; give a positive number, such as 1e-3")
        self.epsilon = epsilon

    def extra_repr(self) -> str:
        """Show ε."""
        return f"epsilon={self.epsilon}"

    def forward(
        self, restored: Float[Tensor, "b c H W"], reference: Float[Tensor, "b c H W"]
    ) -> Float[Tensor, ""]:
        """Return the loss, `epsilon` for equal pictures."""
        error = restored.float() - reference.float()
        return (error.square() + self.epsilon**2).sqrt().mean()
