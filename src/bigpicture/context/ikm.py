"""IKM, image-specific convolutional kernel modulation: a convolution that sees beyond its window.

    gather   (b, c, h, w) ──> τ──▶ 0 or 1 ──pool──▶ p (b, c, k, k)      share of active pixels
    apply    A(p) (b, c, k, k) ⊙ W (d, c, k, k) = W* (b, d, c, k, k)    one kernel per image
             (b, c, h, w) ──conv W*──▶ (b, d, h, w)

The only parameters are the convolution's own. The attention A, whose mean over the k² positions of
a channel is 1, comes in two published forms:

    residual   A = 1 + softmax(σ(p)) − 1/k²,  active where x > τ     (the paper)
    scaled     A = k²·softmax(p),             active where x ≥ τ     (the authors' CoMoNet)

After a ReLU most features are exactly 0, which is why `residual` compares strictly.

No gradient flows through the threshold, so A is constant in the backward pass. What W learns from
a batch is configurable:

    iso     the mean over the images of each image's own kernel gradient (Algorithm 1)
    exact   the true gradient, Σ_images A ⊙ g
    go      A is averaged over the batch, so that all images share a kernel (the paper's baseline)

Source: Huang et al., "Image-specific Convolutional Kernel Modulation for Single Image
    Super-resolution", eqs. (7)-(12) and Algorithm 1. https://arxiv.org/abs/2111.08362
Changed: the published code writes the modulated kernels into the layer and restores it, which
    breaks its own gradient and any use from several threads; here nothing is written.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import nn
from torch.autograd import Function
from torch.nn import functional as F

from bigpicture.compute.kernels import (
    Geometry,
    biased,
    conv2d_per_image,
    in_groups,
    input_gradient,
    shared_kernel_gradient,
)
from bigpicture.compute.precision import match_autocast
from bigpicture.context.contract import ContextOperator, Part
from bigpicture.context.grid import GridMean, gather_grid, pool_by_rows
from bigpicture.shapes import Float, Tensor

__all__ = ["Form", "Gradient", "IKMConv2d", "kernel_attention"]

_STRIP = 2**22
"""Bytes of features that are compared with the threshold at a time: more would overflow caches."""

Form = Literal["residual", "scaled"]
Gradient = Literal["iso", "exact", "go"]


class IKMConv2d(ContextOperator[GridMean]):
    """A size-preserving convolution that modulates its kernel by the context of each image.

    Args:
        c_in: Number of input channels.
        c_out: Number of output channels.
        k: Side of the kernel, odd.
        dilation: Distance between the kernel's taps.
        threshold: τ, above which a feature counts as active. A sequence splits the output channels
            into as many equal groups, each with its own threshold.
        form: Which published attention to use, see the module.
        gradient: What the kernel learns from a batch, see the module.
        bias: Whether to add a bias.

    Raises:
        ValueError: If `k` is even, or the number of thresholds does not divide `c_out`.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        k: int = 3,
        dilation: int = 1,
        threshold: float | Sequence[float] = 0.0,
        form: Form = "residual",
        gradient: Gradient = "iso",
        bias: bool = False,
    ) -> None:
        super().__init__()
        thresholds = torch.atleast_1d(torch.as_tensor(threshold, dtype=torch.float32))
        if k < 1 or k % 2 == 0:
            raise ValueError(f"k must be odd, so that the size is kept, not {k}")
        if not len(thresholds) or c_out % len(thresholds):
            raise ValueError(f"{len(thresholds)} thresholds do not divide c_out = {c_out}")
        self.k = k
        self.form: Form = form
        self.gradient: Gradient = gradient
        self.kernels_per_image = gradient != "go"
        self.geometry = Geometry(padding=dilation * (k // 2), dilation=dilation)
        self.weight = nn.Parameter(torch.empty(c_out, c_in, k, k))
        self.bias = nn.Parameter(torch.zeros(c_out)) if bias else None
        self.register_buffer("threshold", thresholds)
        self.threshold: Tensor
        nn.init.kaiming_normal_(self.weight)

    def extra_repr(self) -> str:
        """Show the sizes as `nn.Conv2d` does."""
        c_out, c_in, *_ = self.weight.shape
        taps = f"k={self.k}, dilation={self.geometry.dilation}"
        return f"{c_in}, {c_out}, {taps}, form={self.form}, gradient={self.gradient}"

    def gather(self, x: Float[Tensor, "b c h w"], part: Part | None = None) -> GridMean:
        """Count the active pixels in each cell of a k×k grid, for each channel and threshold."""
        x = x.detach()
        threshold = self.threshold.to(x.dtype)
        if len(threshold) == 1:
            if part is None and not in_groups(x) and x.nbytes > 2 * _STRIP:
                rows = max(1, int(_STRIP * x.shape[-2] / x.nbytes))
                strips = (_active(strip, threshold[0], self.form) for strip in x.split(rows, -2))
                return GridMean(pool_by_rows(strips, self.k))
            return gather_grid(_active(x, threshold[0], self.form), self.k, part)
        each = _active(x.unsqueeze(1), threshold.view(-1, 1, 1, 1), self.form)
        return gather_grid(each.flatten(1, 2), self.k, part)

    def attention(self, context: GridMean) -> Float[Tensor, "b n c k k"]:
        """Return A for each image and threshold. Its mean over the k² positions is 1."""
        share = context.mean.to(self.weight.dtype).unflatten(1, (len(self.threshold), -1))
        return kernel_attention(share, self.form)

    def apply(self, x: Float[Tensor, "b c h w"], context: GridMean) -> Float[Tensor, "b d h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Convolve each image with its own kernel (for `go`, with the mean kernel of the batch)."""
        return biased(self._convolve(x, self.kernels(context)), self.bias)

    def kernels(self, context: GridMean) -> Float[Tensor, "b d c k k"]:
        """Return W*, the kernel for each image; for `go`, one for the whole batch.

        For `iso`, whose gradient is not that of this product, the weight is detached.
        """
        attention = self.attention(context)
        if self.gradient == "go":
            attention = attention.mean(0, keepdim=True)
        weight = self.weight.detach() if self.gradient == "iso" else self.weight
        # the n thresholds share the output channels evenly
        groups = weight.unflatten(0, (attention.shape[1], -1))
        return (groups * attention.unsqueeze(2)).flatten(1, 2)

    def _convolve(self, x: Tensor, kernels: Float[Tensor, "b d c k k"]) -> Tensor:
        if self.gradient == "go":
            return F.conv2d(x, kernels[0], None, 1, *self.geometry)
        learning = torch.is_grad_enabled() and self.weight.requires_grad
        if self.gradient == "exact" or not learning:
            return conv2d_per_image(x, kernels, self.geometry)
        return _LearnTheMean.apply(*match_autocast(x, kernels), self.weight, self.geometry)  # pyright: ignore[reportReturnType]


def kernel_attention(share: Float[Tensor, "*b k k"], form: Form) -> Float[Tensor, "*b k k"]:
    """Return the attention of each kernel position from the share of active pixels, in [0, 1].

    >>> kernel_attention(torch.zeros(1, 3, 3), "scaled").mean().item()
    1.0
    """
    flat = share.flatten(-2)
    if form == "residual":
        flat = torch.softmax(torch.sigmoid(flat), -1) + (1 - 1 / flat.shape[-1])
    else:
        flat = flat.shape[-1] * torch.softmax(flat, -1)
    return flat.view_as(share)


def _active(x: Tensor, threshold: Tensor, form: Form) -> Tensor:
    """Return 1 where `x` is above the threshold and 0 elsewhere, in the precision of `x`."""
    compare = torch.gt if form == "residual" else torch.ge
    if torch.compiler.is_compiling():
        return compare(x, threshold).to(x.dtype)
    # written directly as numbers: converting booleans would take five times as long
    shape = torch.broadcast_shapes(x.shape, threshold.shape)
    layout = torch.preserve_format if shape == x.shape else torch.contiguous_format
    out = torch.empty_like(x.expand(shape), memory_format=layout)
    return compare(x, threshold, out=out)


class _LearnTheMean(Function):
    """Algorithm 1: each image has its own kernel; the weight learns the mean of their gradients.

    That mean is the gradient of one kernel shared by all images, divided by their number, so it
    needs no loop.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernels: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, kernels, weight)
        ctx.geometry = geometry
        # for groups this is a view, which autograd would forbid in-place writes to; detach lifts it
        return conv2d_per_image(x, kernels, geometry).detach()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride]
        x, kernels, weight = ctx.saved_tensors
        to_x = input_gradient(grad, x, kernels, ctx.geometry) if ctx.needs_input_grad[0] else None
        like = torch.empty_like(weight, dtype=x.dtype)  # only its shape matters
        total = shared_kernel_gradient(grad, x, like, ctx.geometry)
        return to_x, None, total.to(weight.dtype) / len(x), None
