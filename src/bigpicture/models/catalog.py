"""Name → settings of the published sizes. One plain dict; `build` makes the network."""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches

from bigpicture.layers.modulation import Attention
from bigpicture.models.uhdn import UHDN, UHDNSettings, comonet_s, uhdn, uhdn_l

__all__ = ["SIZES", "build", "from_settings"]

SIZES: dict[str, Callable[[int], UHDNSettings]] = {
    "uhdn": uhdn,
    "uhdn-l": uhdn_l,
    "comonet-s": comonet_s,
}


def build(name: str, scale: int, attention: Attention | None = None) -> UHDN:
    """Return an untrained network of a published size.

    Args:
        name: One of `SIZES`.
        scale: Enlargement of each side.
        attention: What steers the convolutions, in place of what the size has.

    Raises:
        ValueError: If there is no such size.
    """
    if name not in SIZES:
        close = get_close_matches(name, SIZES)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(SIZES)}"
        raise ValueError(f"no network is called {name!r}; {hint}")
    settings = SIZES[name](scale)
    if attention is not None:
        settings = replace(settings, modulation=replace(settings.modulation, attention=attention))
    return from_settings(settings)


def from_settings(settings: UHDNSettings) -> UHDN:
    """Return the untrained network that `settings` describe."""
    return UHDN(settings)
