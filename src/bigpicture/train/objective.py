"""From a recipe's `[losses]` to one function of restored pictures and references."""

from bigpicture.train.losses.frequency import Frequency
from bigpicture.train.losses.perceptual import Perceptual, vgg19
from bigpicture.train.losses.pixel import L1, Charbonnier
from bigpicture.train.losses.total import Term, Total
from bigpicture.train.parts.losses import LossesPart

__all__ = ["objective"]


def objective(part: LossesPart) -> Total:
    """Return the weighted sum of all losses except the adversarial one, which `Adversary` computes.

    Raises:
        ImportError: If VGG-19 is needed and torchvision is not installed.
        OSError: If its weights cannot be downloaded.
        ValueError: If VGG-19 has no such layer.
    """
    terms = {}
    if part.l1 is not None:
        terms["l1"] = Term(part.l1, L1())
    if (charbonnier := part.charbonnier) is not None:
        terms["charbonnier"] = Term(charbonnier.weight, Charbonnier(charbonnier.epsilon))
    if part.frequency is not None:
        terms["frequency"] = Term(part.frequency, Frequency())
    if (perceptual := part.perceptual) is not None:
        loss = Perceptual(vgg19(perceptual.layers), perceptual.layers)
        terms["perceptual"] = Term(perceptual.weight, loss)
    return Total(terms)
