"""CRAC, context reasoning attention convolution: the picture's context masks the kernel.

    gather   (b, c, h, w) ──pool──▶ (b, c, k, k)
    encode   k² → e for each channel: e context descriptors, F_C (b, e, c)
    CDRR     R = θ(F_C) φ(F_C)ᵀ / e (e×e),  S = BN(W_r(R g(F_C)))     relations of descriptors
             F_C* = σ(S) ⊙ F_C + F_C
    mask     F_A1 = ReLU(BN(F_CI)) W_A1 (b, d, k²),  F_CI = ReLU(BN(F_C*)) through a grouped c → d
             F_A2 = ReLU(BN(F_C*)) W_A2 (b, c, k²)
             F_A[o, i] = σ(F_A1[o] + F_A2[i]) (b, d, c, k, k)
    apply    (b, c, h, w) ──conv W ⊙ F_A──▶ (b, d, h, w)               one kernel per image

In this code, descriptors lie along the second axis and channels along the last, so that every
linear map of the channels is one matrix product.

Source: Zhang et al., "Context Reasoning Attention Network for Image Super-Resolution", ICCV 2021,
    eqs. (1)-(5), https://openaccess.thecvf.com/content/ICCV2021/html/Zhang_Context_Reasoning_Attention_Network_for_Image_Super-Resolution_ICCV_2021_paper.html;
    normalisation and e = ⌊k²/2⌋ + 1 from the work it builds on, Lin et al., "Context-Gated
    Convolution", ECCV 2020, https://arxiv.org/abs/1910.05577 (e = k²/2 would be 4.5).
Changed: R is divided by e, which eq. (1) lacks. θ, φ and g are one matrix product. The mask is
    computed in float32 even under autocast: it takes so little work that casting its weights would
    cost more than bf16 saves.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import nn

from bigpicture.compute.kernels import Geometry, biased, conv2d_per_image
from bigpicture.compute.precision import without_autocast
from bigpicture.context.contract import ContextOperator, Part
from bigpicture.context.grid import GridMean, gather_grid
from bigpicture.shapes import Float, Tensor

__all__ = ["CRACConv2d", "CRACPart"]

CRACPart = Literal["cdrr", "f_a1", "f_a2", "channel-interaction"]
"""Parts that an ablation can leave out: the relations between descriptors, the mask by output
channel, the mask by input channel, and the grouped layer between channels that leads to `f_a1`."""


class CRACConv2d(ContextOperator[GridMean]):
    """A size-preserving convolution that masks its kernel by the context of each image.

    Args:
        c_in: Number of input channels.
        c_out: Number of output channels.
        k: Side of the kernel, odd.
        groups: Groups g of the layer between channels.
        latent: Number of context descriptors e; None for ⌊k²/2⌋ + 1, which is 5 for a 3×3 kernel.
            With a single descriptor, as for a 1×1 kernel, training needs batches of several
            images, because the norms run over images and descriptors.
        dilation: Distance between the kernel's taps.
        bias: Whether to add a bias.
        without: Parts to leave out. Without `f_a1` there is no channel interaction either.

    Raises:
        ValueError: If `k` is even, `latent` is below 1, the groups do not divide the channels, a
            part is unknown, no part of the mask is left, or `c_in` and `c_out` differ with no
            layer between them.
    """

    kernels_per_image = True

    def __init__(
        self,
        c_in: int,
        c_out: int,
        k: int = 3,
        groups: int = 16,
        latent: int | None = None,
        dilation: int = 1,
        bias: bool = False,
        without: Sequence[CRACPart] = (),
    ) -> None:
        super().__init__()
        _check(c_in, c_out, k, without)
        latent = k**2 // 2 + 1 if latent is None else latent
        if latent < 1:
            raise ValueError(f"latent must be at least 1 descriptor, not {latent}")
        self.k = k
        self.geometry = Geometry(padding=dilation * (k // 2), dilation=dilation)
        # used only for its initial values, which are those of any convolution
        conv = nn.Conv2d(c_in, c_out, k, bias=bias)
        self.weight, self.bias = conv.weight, conv.bias
        self.encode = nn.Linear(k**2, latent, bias=False)
        self.reason = None if "cdrr" in without else _Reasoning(c_in)
        self.interact = None
        if "f_a1" not in without and "channel-interaction" not in without:
            self.interact = _ChannelInteraction(c_in, c_out, groups)
        self.by_output = None if "f_a1" in without else _SpatialInteraction(c_out, latent, k**2)
        self.by_input = None if "f_a2" in without else _SpatialInteraction(c_in, latent, k**2)

    def extra_repr(self) -> str:
        """Show the sizes as `nn.Conv2d` does."""
        c_out, c_in, *_ = self.weight.shape
        return f"{c_in}, {c_out}, k={self.k}, dilation={self.geometry.dilation}"

    def gather(self, x: Float[Tensor, "b c h w"], part: Part | None = None) -> GridMean:
        """Return the mean of each channel in each cell of a k×k grid."""
        return gather_grid(x, self.k, part)

    def attention(self, context: GridMean) -> Float[Tensor, "b d c k k"]:
        """Return the mask F_A of each image, between 0 and 1.

        Raises:
            ValueError: If a single image with a single descriptor is given in training.
        """
        with without_autocast(self.weight.device.type):
            pooled = context.mean.to(self.weight.dtype).flatten(2)
            descriptors = self.encode(pooled).mT.contiguous()
            if self.reason is not None:
                descriptors = self.reason(descriptors)
            mask: Tensor | None = None
            if self.by_output is not None:
                mixed = descriptors if self.interact is None else self.interact(descriptors)
                mask = self.by_output(mixed).unsqueeze(2)
            if self.by_input is not None:
                own = self.by_input(descriptors).unsqueeze(1)
                mask = own if mask is None else mask + own
            assert mask is not None
            mask = torch.sigmoid(mask).unflatten(-1, (self.k, self.k))
            return mask.expand(-1, *self.weight.shape)

    def kernels(self, context: GridMean) -> Float[Tensor, "b d c k k"]:
        """Return W ⊙ F_A, the kernel for each image."""
        return self.weight * self.attention(context)

    def apply(self, x: Float[Tensor, "b c h w"], context: GridMean) -> Float[Tensor, "b d h w"]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Convolve each image with its own kernel."""
        return biased(conv2d_per_image(x, self.kernels(context), self.geometry), self.bias)


class _Reasoning(nn.Module):
    """CDRR: scales each descriptor, by a factor between 1 and 2, by its relations to the others."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embed = nn.Linear(channels, 3 * channels)  # θ, φ, g
        self.restore = nn.Linear(channels, channels)  # W_r
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, descriptors: Float[Tensor, "b e c"]) -> Float[Tensor, "b e c"]:
        """Return F_C*."""
        theta, phi, g = self.embed(descriptors).chunk(3, -1)
        relations = theta @ phi.mT / descriptors.shape[1]
        scores = _normalise(self.norm, self.restore(relations @ g))
        return torch.addcmul(descriptors, descriptors, torch.sigmoid(scores))


class _ChannelInteraction(nn.Module):
    """Maps the descriptors of the input channels to the output channels, group by group."""

    def __init__(self, c_in: int, c_out: int, groups: int) -> None:
        super().__init__()
        if groups < 1 or c_in % groups or c_out % groups:
            raise ValueError(
                f"groups must divide the channels, {c_in} in and {c_out} out, not {groups}"
            )
        self.norm = nn.BatchNorm1d(c_in)
        self.weight = nn.Parameter(torch.empty(groups, c_in // groups, c_out // groups))
        bound = (c_in // groups) ** -0.5  # initialised like nn.Linear
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, descriptors: Float[Tensor, "b e c"]) -> Float[Tensor, "b e d"]:
        """Return F_CI before its normalisation."""
        active = torch.relu(_normalise(self.norm, descriptors))
        grouped = active.unflatten(-1, (len(self.weight), -1))
        return torch.einsum("begi,gio->bego", grouped, self.weight).flatten(-2)


class _SpatialInteraction(nn.Module):
    """Maps the normalised descriptors of each channel to the k² positions of its kernels."""

    def __init__(self, channels: int, latent: int, positions: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.decode = nn.Linear(latent, positions, bias=False)

    def forward(self, descriptors: Float[Tensor, "b e c"]) -> Float[Tensor, "b c p"]:
        """Return F_A1 or F_A2."""
        return self.decode(torch.relu(_normalise(self.norm, descriptors)).mT)


def _normalise(norm: nn.BatchNorm1d, descriptors: Float[Tensor, "b e c"]) -> Tensor:
    """Normalise each channel over all descriptors of the batch."""
    return norm(descriptors.flatten(0, 1)).view_as(descriptors)


def _check(c_in: int, c_out: int, k: int, without: Sequence[str]) -> None:
    if k < 1 or k % 2 == 0:
        raise ValueError(f"k must be odd, so that the size is kept, not {k}")
    unknown = set(without) - set(get_args(CRACPart))
    if unknown:
        known = ", ".join(get_args(CRACPart))
        raise ValueError(f"without must name parts of CRAC ({known}), not {sorted(unknown)}")
    if {"f_a1", "f_a2"} <= set(without):
        raise ValueError("without f_a1 and f_a2 there is no mask; leave out one of them")
    if "f_a1" not in without and "channel-interaction" in without and c_in != c_out:
        raise ValueError(
            f"without channel-interaction, c_out must be c_in = {c_in}, not {c_out}; "
            "or leave out f_a1 as well"
        )
