"""`[losses]`: the losses to minimise, each with its weight."""

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from bigpicture.config import Settings
from bigpicture.train.losses.adversarial import Game
from bigpicture.train.losses.perceptual import LAYERS
from bigpicture.train.parts.optimiser import Betas

__all__ = ["AdversarialPart", "CharbonnierPart", "LossesPart", "PerceptualPart"]


class CharbonnierPart(Settings):
    """L1 with a rounded tip, √(d² + ε²)."""

    weight: PositiveFloat = 1.0
    epsilon: PositiveFloat = Field(default=1e-3, description="ε, in pictures of [0, 1]")


class PerceptualPart(Settings):
    """L1 of VGG-19's features, whose weights torchvision downloads."""

    weight: PositiveFloat = 1.0
    layers: dict[str, PositiveFloat] = Field(
        default=LAYERS, min_length=1, description="layers that are compared, and their weights"
    )


class AdversarialPart(Settings):
    """A discriminator that learns beside the network, and what it thinks of its pictures."""

    weight: PositiveFloat = Field(default=0.1, description="of the network's own loss in the game")
    game: Game = "vanilla"
    channels: PositiveInt = Field(default=64, description="of the discriminator's first features")
    rate: PositiveFloat | None = Field(
        default=None,
        description="the discriminator's highest learning rate; left out, the network's. Both "
        "follow the optimiser's schedule",
    )
    betas: Betas = (0.9, 0.999)


class LossesPart(Settings):
    """What is made small: a weighted sum of what is given here."""

    l1: PositiveFloat | None = Field(default=None, description="weight of the mean absolute error")
    charbonnier: CharbonnierPart | None = None
    frequency: PositiveFloat | None = Field(
        default=None, description="weight of the mean absolute error of the Fourier transforms"
    )
    perceptual: PerceptualPart | None = None
    adversarial: AdversarialPart | None = None

    @property
    def of_pictures(self) -> list[str]:
        """Names of the losses that need whole pictures, not single points."""
        return [
            name
            for name in ("frequency", "perceptual", "adversarial")
            if getattr(self, name) is not None
        ]

    @model_validator(mode="after")
    def _has_a_reference(self) -> "LossesPart":
        if all(
            part is None for part in (self.l1, self.charbonnier, self.frequency, self.perceptual)
        ):
            raise ValueError(
                "give at least one of l1, charbonnier, frequency and perceptual, such as l1 = 1.0: "
                "nothing else says what a picture should become"
            )
        return self
