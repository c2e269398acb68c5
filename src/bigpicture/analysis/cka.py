"""CKA, centred kernel alignment: how similar the outputs of two blocks are on the same pictures.

    a block's output for n crops (n, p) ──Gram──▶ K (n, n)
    HSIC₁(K, L) = ⟨Ǩ, Ľ⟩ / n(n − 3)                                   Ǩ: K, U-centred
    CKA = Σ HSIC₁(Kᵢ, Lᵢ) / √(Σ HSIC₁(Kᵢ, Kᵢ) · Σ HSIC₁(Lᵢ, Lᵢ))       over minibatches i

A CKA of 1 means that the outputs are equal up to a rotation of the features, their scale and their
mean; about 0 means that they are unrelated. HSIC₁ is unbiased: its mean over all minibatches of a
set is HSIC₁ of the set, so no batch has to hold all crops. Estimates for independent features
scatter around 0, so they can be slightly negative.

Sources: Nguyen, Raghu & Kornblith, "Do Wide and Deep Networks Learn the Same Things?", ICLR 2021,
    eq. (2), (3), https://arxiv.org/abs/2010.15327, with the estimator of Song et al., "Feature
    Selection via Dependence Maximization", JMLR 2012, eq. (4). Shown as in RGT's Fig. 4,
    https://arxiv.org/abs/2303.06373, which does not say which pictures it used.
Changed: U-centring (Székely & Rizzo, "Partial distance correlation with methods for
    dissimilarities", 2014, https://arxiv.org/abs/1310.2926) writes HSIC₁ as a product, so one
    matrix product serves all pairs of blocks. The mean over the crops is subtracted from the
    features before they are multiplied, which changes only rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bigpicture.analysis.blocks import blocks_of, watch_blocks
from bigpicture.analysis.operators import for_colours
from bigpicture.analysis.panels import HeatMap, Panel
from bigpicture.compute.precision import exact_dtype
from bigpicture.models.network import Network
from bigpicture.shapes import Float, Tensor

__all__ = ["Alignment", "MinibatchCKA", "cka", "crops_of", "gram", "show_cka", "u_centred"]

FEWEST = 4
"""Least number of crops in a minibatch: HSIC₁ divides by n − 3."""


@dataclass(frozen=True)
class Alignment:
    """How similar blocks are.

    Attributes:
        cka: CKA of each block of the first network (rows) with each of the second (columns).
        first: Names of the first network's blocks.
        second: Names of the second network's blocks.
        crops: Number of crops that the blocks were compared on.
        batches: Number of minibatches.
    """

    cka: Float[Tensor, "n m"]
    first: tuple[str, ...]
    second: tuple[str, ...]
    crops: int
    batches: int


def gram(features: Float[Tensor, "n ..."]) -> Float[Tensor, "n n"]:
    """Return the inner products of all pairs of crops' centred features, in float64, on the CPU."""
    flat = features.flatten(1).to(exact_dtype(features))
    flat = flat - flat.mean(0)
    return (flat @ flat.mT).cpu().double()


def u_centred(grams: Float[Tensor, "*m n n"]) -> Float[Tensor, "*m n n"]:
    """Return Gram matrices with a diagonal of 0, and rows and columns that sum to 0.

    Raises:
        ValueError: If there are fewer than four crops.
    """
    n = grams.shape[-1]
    if n < FEWEST:
        raise ValueError(f"HSIC₁ needs at least {FEWEST} crops, not {n}")
    off = grams - torch.diag_embed(grams.diagonal(dim1=-2, dim2=-1))
    rows = off.sum(-1, keepdim=True) / (n - 2)
    total = off.sum((-1, -2), keepdim=True) / ((n - 1) * (n - 2))
    centred = off - rows - rows.mT + total
    return centred - torch.diag_embed(centred.diagonal(dim1=-2, dim2=-1))


class MinibatchCKA:
    """Sums over minibatches, and the CKA of all of them."""

    def __init__(self) -> None:
        self._sums: list[Tensor] = []

    def add(self, first: Float[Tensor, "n b b"], second: Float[Tensor, "m b b"]) -> None:
        """Add a minibatch.

        Args:
            first: Gram matrices of the first network's blocks, for the b crops of the batch.
            second: Gram matrices of the second network's blocks, for the same crops.

        Raises:
            ValueError: If there are fewer than four crops.
        """
        b = first.shape[-1]
        one, other = (u_centred(grams).flatten(1) for grams in (first, second))
        products = one @ other.mT, one.square().sum(1), other.square().sum(1)
        hsic = [each / (b * (b - 3)) for each in products]
        before = self._sums or [torch.zeros_like(each) for each in hsic]
        self._sums = [sum_ + own for sum_, own in zip(before, hsic, strict=True)]

    def value(self) -> Float[Tensor, "n m"]:
        """Return the CKA of each block of the first network with each of the second.

        It is NaN for a block whose output is the same for all crops.
        """
        together, first, second = self._sums
        return together / (first[:, None] * second).sqrt()

    def norms(self) -> tuple[Float[Tensor, " n"], Float[Tensor, " m"]]:
        """Return Σ HSIC₁(Kᵢ, Kᵢ) of all blocks of both networks, 0 where all outputs are equal."""
        _, first, second = self._sums
        return first, second


def cka(
    network: Network,
    crops: Float[Tensor, "n c h w"],
    other: Network | None = None,
    blocks: Sequence[str] | None = None,
    other_blocks: Sequence[str] | None = None,
    batch: int = 32,
    advance: Callable[[int], None] = lambda done: None,
) -> Alignment:
    """Return how similar the blocks of a network are, to each other or to those of another network.

    Args:
        network: In evaluation mode.
        crops: At least four low-resolution crops, in [0, 1].
        other: Another network; if None, the network's blocks are compared with each other.
        blocks: Names of modules; by default, the backbone's blocks, see
            `bigpicture.analysis.blocks`.
        other_blocks: The same for the other network.
        batch: Approximate number of crops in a minibatch, at least four.
        advance: Called with the number of crops done.

    Raises:
        ValueError: If there are too few crops, a block does not exist, or a block's output is the
            same for all crops or not finite.
    """
    if len(crops) < FEWEST or batch < FEWEST:
        raise ValueError(
            f"CKA needs at least {FEWEST} crops, in minibatches of at least {FEWEST}, not "
            f"{len(crops)} in minibatches of {batch}"
        )
    networks = [(network, blocks)] if other is None else [(network, blocks), (other, other_blocks)]
    known = [own or blocks_of(one, crops[:1]) for one, own in networks]
    batches = crops.tensor_split(min(-(-len(crops) // batch), len(crops) // FEWEST))
    total, done, names = MinibatchCKA(), 0, []
    for some in batches:
        made = [_grams(one, some, own) for (one, _), own in zip(networks, known, strict=True)]
        names = [tuple(own) for own in made]
        stacked = [torch.stack([*own.values()]) for own in made]
        total.add(stacked[0], stacked[-1])
        done += len(some)
        advance(done)
    found = Alignment(total.value(), names[0], names[-1], len(crops), len(batches))
    for own, norms in zip((found.first, found.second), total.norms(), strict=True):
        for name, norm in zip(own, norms.tolist(), strict=True):
            if not norm > 0:
                wrong = "is the same for all crops" if norm == 0 else "is not finite"
                raise ValueError(f"the output of {name} {wrong}")
    return found


def _grams(network: Network, crops: Tensor, blocks: Sequence[str]) -> dict[str, Tensor]:
    grams: dict[str, Tensor] = {}
    watch_blocks(network, crops, blocks, lambda name, made: grams.update({name: gram(made)}))
    for name in blocks:
        if name not in grams:
            raise ValueError(f"{name} returns no tensor while features are computed")
    return grams


def crops_of(
    pictures: Mapping[str, Float[Tensor, "1 _ _ _"]], count: int, side: int, seed: int
) -> Float[Tensor, "n 3 side side"]:
    """Return random crops, about the same number from each picture.

    Args:
        pictures: By name, in [0, 1].
        count: Number of crops.
        side: Side of each crop.
        seed: Seed of the random numbers.

    Raises:
        ValueError: If a picture is smaller than a crop.
    """
    for name, picture in pictures.items():
        height, width = picture.shape[-2:]
        if min(height, width) < side:
            raise ValueError(
                f"{name} has {width}×{height} pixels, too few for crops of {side}×{side}; "
                "give a smaller crop, or leave the picture out"
            )
    generator = torch.Generator().manual_seed(seed)
    every = [for_colours(picture, 3) for picture in pictures.values()]
    crops = []
    for number in range(count):
        picture = every[number % len(every)]
        top, left = (
            int(torch.randint(length - side + 1, (), generator=generator))
            for length in picture.shape[-2:]
        )
        crops.append(picture[..., top : top + side, left : left + side])
    order = torch.randperm(count, generator=generator)
    return torch.cat(crops)[order]


def show_cka(found: Alignment, networks: Sequence[str]) -> tuple[list[Panel], str, dict[str, Any]]:
    """Return the panels, the caption and the numbers of a figure of CKA.

    Args:
        found: The blocks' similarity.
        networks: Names of the first network and, if there was one, of the other.
    """
    first, second = networks[0], networks[-1]
    title = f"CKA of {first}" if len(networks) == 1 else f"CKA of {first} and {second}"
    labels = f"block of {first}", f"block of {second}"
    panel = HeatMap(title, found.cka, (0.0, 1.0), "", *labels)
    each = f"the blocks of {first} ({found.first[0]} to {found.first[-1]})"
    if len(networks) > 1:
        each += f" and those of {second} ({found.second[0]} to {found.second[-1]})"
    caption = (
        f"Linear CKA of {each} over {found.crops} crops in {found.batches} minibatches (1: "
        "equal up to rotation and scale)."
    )
    numbers = {
        "networks": list(networks),
        "first": list(found.first),
        "second": list(found.second),
        "cka": found.cka.tolist(),
        "crops": found.crops,
        "batches": found.batches,
    }
    return [panel], caption, numbers
