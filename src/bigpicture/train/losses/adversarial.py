"""Adversarial losses: what the generator and the discriminator each minimise.

    judgements of a discriminator, any shape ──▶ ()     high means "real"

              discriminator                            generator
    vanilla   −log σ(real) − log(1 − σ(fake))          −log σ(fake)         Goodfellow et al., 2014
    lsgan     (real − 1)² + fake²                      (fake − 1)²          Mao et al., 2017
    hinge     max(0, 1 − real) + max(0, 1 + fake)      −fake                Lim and Ye, 2017

each averaged over all judgements. BSRGAN and Real-ESRGAN use `vanilla`.

Source: https://arxiv.org/abs/1406.2661 https://arxiv.org/abs/1611.04076
    https://arxiv.org/abs/1705.02894
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from torch.nn import functional as F

from bigpicture.shapes import Float, Tensor

__all__ = ["Game", "discriminator_loss", "generator_loss"]

Game = Literal["vanilla", "lsgan", "hinge"]


class _Losses(NamedTuple):
    """What each judgement costs."""

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


_GAMES: dict[Game, _Losses] = {
    # softplus(−x) is −log σ(x), without its overflow
    "vanilla": _Losses(lambda x: F.softplus(-x), F.softplus, lambda x: F.softplus(-x)),
    "lsgan": _Losses(lambda x: (x - 1).square(), Tensor.square, lambda x: (x - 1).square()),
    "hinge": _Losses(lambda x: F.relu(1 - x), lambda x: F.relu(1 + x), Tensor.neg),
}


def generator_loss(fake: Float[Tensor, "..."], game: Game = "vanilla") -> Float[Tensor, ""]:
    """Return the generator's loss.

    Args:
        fake: The discriminator's judgements of restored pictures.
        game: Which losses to use.
    """
    return _GAMES[game].generator(fake.float()).mean()


def discriminator_loss(
    real: Float[Tensor, "..."], fake: Float[Tensor, "..."], game: Game = "vanilla"
) -> Float[Tensor, ""]:
    """Return the discriminator's loss.

    Args:
        real: Its judgements of references.
        fake: Its judgements of restored pictures. Detach these first, so that no gradient reaches
            the network that made them.
        game: Which losses to use.
    """
    each = _GAMES[game]
    return each.real(real.float()).mean() + each.fake(fake.float()).mean()
