"""`[losses]`: the losses to minimise, each with its weight."""

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from bigpicture.config import Settings
from bigpicture.train.losses.adversarial import Game
from bigpicture.train.losses.perceptual import LAYERS
from bigpicture.train.parts.optimiser import Betas

__all__ = ["AdversarialPart", "CharbonnierPart", "LossesPart", "PerceptualPart"]


class CharbonnierPart(Settings):
    """Charbonnier loss √(d² + ε²), a smooth variant of L1."""

    weight: PositiveFloat = Field(default=1.0, description="Weight in the sum.")
    epsilon: PositiveFloat = Field(default=1e-3, description="ε, for pictures in [0, 1].")


class PerceptualPart(Settings):
    """L1 distance between features of VGG-19, whose weights torchvision downloads."""

    weight: PositiveFloat = Field(default=1.0, description="Weight in the sum.")
    layers: dict[str, PositiveFloat] = Field(
        default=LAYERS, min_length=1, description="Layers to compare, each with its weight."
    )


class AdversarialPart(Settings):
    """A discriminator trained beside the network, and the weight of its loss."""

    weight: PositiveFloat = Field(
        default=0.1, description="Weight of the network's adversarial loss in the sum."
    )
    game: Game = Field(default="vanilla", description="Form of the adversarial losses.")
    channels: PositiveInt = Field(
        default=64, description="Channels of the discriminator's first features."
    )
    rate: PositiveFloat | None = Field(
        default=None,
        description="Highest learning rate of the discriminator, which follows the network's "
        "schedule. Left out, it is that of the network.",
    )
    betas: Betas = Field(
        default=(0.9, 0.999),
        description="Decay rates of the two averages of the discriminator's Adam.",
    )


class LossesPart(Settings):
    """The weighted sum of losses to minimise."""

    l1: PositiveFloat | None = Field(default=None, description="Weight of the mean absolute error.")
    charbonnier: CharbonnierPart | None = None
    frequency: PositiveFloat | None = Field(
        default=None, description="Weight of the mean absolute error of the Fourier transforms."
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
