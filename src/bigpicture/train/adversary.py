"""The second player of an adversarial training: a discriminator and its optimiser.

    restored ──judge──▶ the network's loss
    reference, restored ──judge_apart──▶ the discriminator's loss

Both players see the same pictures: those that the network made before either learned from them. One
power iteration a step tracks the largest singular values of the discriminator's kernels, in however
many parts the step is computed.
"""

from typing import Any

import torch
from torch import nn

from bigpicture.shapes import Float, Tensor
from bigpicture.train.adam import RecipeAdam
from bigpicture.train.losses.adversarial import Game, discriminator_loss, generator_loss
from bigpicture.train.losses.discriminator import UNetDiscriminator
from bigpicture.train.parts.losses import AdversarialPart

__all__ = ["Adversary"]


class Adversary:
    """A discriminator that learns beside the network.

    Args:
        part: The game and the discriminator.
        colours: Channels of the pictures.
        rate: The network's highest learning rate, used if `part` has none.
        device: Where the discriminator runs.

    Attributes:
        network: The discriminator.
        optimiser: Optimiser of its weights.
        weight: Weight of the network's adversarial loss.
    """

    def __init__(
        self, part: AdversarialPart, colours: int, rate: float, device: torch.device
    ) -> None:
        self.weight = part.weight
        self.game: Game = part.game
        self.network = UNetDiscriminator(colours, part.channels).to(device)
        self.optimiser = RecipeAdam(self.network.parameters(), part.rate or rate, betas=part.betas)
        self._per_rate = (part.rate or rate) / rate

    def set_rate(self, rate: float) -> None:
        """Follow the network's schedule, whose current learning rate is `rate`."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate * self._per_rate

    def judge(self, restored: Float[Tensor, "b c H W"]) -> Float[Tensor, ""]:
        """Return the network's loss, whose gradient does not reach the discriminator's weights."""
        self.network.requires_grad_(False).eval()
        return generator_loss(self.network(restored), self.game)

    def judge_apart(
        self,
        discriminator: nn.Module,
        reference: Float[Tensor, "b c H W"],
        restored: Float[Tensor, "b c H W"],
        begins: bool,
    ) -> Float[Tensor, ""]:
        """Return the discriminator's loss, whose gradient does not reach the network.

        Args:
            discriminator: `network`, or its wrapper that averages gradients over processes.
            reference: Real pictures.
            restored: Pictures that the network made.
            begins: Whether this is the first part of a step.
        """
        self.network.requires_grad_(True).train(begins)
        judged = discriminator(torch.cat([reference, restored.detach().to(reference.dtype)]))
        real, fake = judged.chunk(2)
        return discriminator_loss(real, fake, self.game)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that changes in training."""
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from a state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
