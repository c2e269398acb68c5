"""The second player of an adversarial training: a discriminator and what makes it learn.

    restored ──judge──▶ what the network is to make small
    reference, restored ──judge apart──▶ what the discriminator is to make small

Both players answer to the same pictures: those that the network made before either learned from
them. The largest singular values of the discriminator's kernels are followed by one iteration a
step, however many parts the step is computed in.
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
        rate: The network's highest learning rate, which is taken where `part` has none.
        device: Where the discriminator runs.

    Attributes:
        network: The discriminator.
        optimiser: Of its weights.
        weight: Of the network's own loss in the game.
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
        """Follow the schedule of the network, whose learning rate is `rate`."""
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
            discriminator: `network`, or what averages its gradients over processes.
            reference: What is real.
            restored: What is not.
            begins: Whether this is the first part of a step.
        """
        self.network.requires_grad_(True).train(begins)
        judged = discriminator(torch.cat([reference, restored.detach().to(reference.dtype)]))
        real, fake = judged.chunk(2)
        return discriminator_loss(real, fake, self.game)

    def state_dict(self) -> dict[str, Any]:
        """Return all that changes."""
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
