"""Names of networks to be costed: a size of the catalogue, a shipped model or a weight file.

"rgt-s-x4", "rgt-s" and a scale, "uhdn-x2", "mine.safetensors" ──▶ Subject
"""

import re
from dataclasses import dataclass
from pathlib import Path

from bigpicture.models.catalog import SIZES
from bigpicture.models.network import Network, NetworkSettings, weightless
from bigpicture.weights import index

__all__ = ["Subject", "subject"]


@dataclass(frozen=True)
class Subject:
    """A network and its task.

    Attributes:
        settings: Settings of the network.
        scale: Enlargement of each side.
        any_scale: Whether the network renders any other scale as well.
    """

    settings: NetworkSettings
    scale: float | int
    any_scale: bool

    def size(self, low: tuple[int, int]) -> tuple[int, int] | None:
        """Return height and width of the result, or None if the network has only one scale."""
        if not self.any_scale:
            return None
        return round(low[0] * self.scale), round(low[1] * self.scale)

    def network(self) -> Network:
        """Return the network without weights, on PyTorch's meta device."""
        return weightless(self.settings)


def subject(name: str, scale: float | int | None = None) -> Subject:
    """Return the network that a name stands for.

    Args:
        name: A weight file; a name in `bigpicture.models.SIZES`, with or without `-x` and a scale;
            or a shipped model.
        scale: Enlargement, for a size whose name has none and for a network that renders any;
            others ignore it.

    Raises:
        ValueError: If there is no such network, or a size has no scale or an impossible one.
        OSError: If a file cannot be read.
    """
    found = re.fullmatch(r"(.+?)(?:-x(\d+))?", name)
    base, stated = (found[1], found[2]) if found else (name, None)
    if Path(name).is_file() or base not in SIZES:
        return _loaded(name, scale)
    own = int(stated) if stated else None
    any_scale = _renders_any(SIZES[base](4))
    if any_scale:
        wanted = own if scale is None else scale
        wanted = 4 if wanted is None else wanted
        return Subject(SIZES[base](4), wanted, True)
    own = scale if own is None else own
    if own is None or own != int(own):
        said = "no scale" if own is None else f"scale {own:g}"
        raise ValueError(f"{name} has {said}; give a whole number, such as {base}-x4")
    return Subject(SIZES[base](int(own)), int(own), False)


def _loaded(name: str, scale: float | int | None) -> Subject:
    try:
        network = index.load(name).network
    except ValueError as error:
        if Path(name).exists():
            raise
        raise ValueError(f"{error}; sizes are {', '.join(SIZES)}") from error
    limits = network.limits
    wanted = limits.scale if scale is None or not limits.any_scale else scale
    return Subject(network.settings, wanted, limits.any_scale)


def _renders_any(settings: NetworkSettings) -> bool:
    return weightless(settings).limits.any_scale
