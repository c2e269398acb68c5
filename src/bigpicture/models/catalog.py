"""The listed network sizes, a plain dict from name to settings, and `build`, which builds them."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from bigpicture.layers.modulation import Attention, Modulation
from bigpicture.models.ciaosr import (
    ciaosr_edsr,
    ciaosr_light,
    ciaosr_rdn,
    ciaosr_rgt,
    ciaosr_swinir,
    ciaosr_uhdn,
    liif_edsr,
    liif_light,
    liif_rdn,
    liif_swinir,
)
from bigpicture.models.cran import cran, cran_light
from bigpicture.models.edsr import edsr, edsr_baseline
from bigpicture.models.network import Network, NetworkSettings, weightless
from bigpicture.models.rcan import rcan
from bigpicture.models.rdn import rdn, rdn_light
from bigpicture.models.rgt import rgt, rgt_light, rgt_s
from bigpicture.models.srgrn import srgrn, srgrn_light
from bigpicture.models.swinir import swinir, swinir_light, swinir_real, swinir_real_l
from bigpicture.models.uhdn import comonet_s, uhdn, uhdn_l
from bigpicture.models.variant import varied

__all__ = ["SIZES", "build", "family"]

SIZES: dict[str, Callable[[int], NetworkSettings]] = {
    "cran": cran,
    "cran-light": cran_light,
    "uhdn": uhdn,
    "uhdn-l": uhdn_l,
    "comonet-s": comonet_s,
    "srgrn": srgrn,
    "srgrn-light": srgrn_light,
    "ciaosr-edsr": ciaosr_edsr,
    "ciaosr-rdn": ciaosr_rdn,
    "ciaosr-swinir": ciaosr_swinir,
    "ciaosr-rgt": ciaosr_rgt,
    "ciaosr-uhdn": ciaosr_uhdn,
    "ciaosr-light": ciaosr_light,
    "rgt": rgt,
    "rgt-s": rgt_s,
    "rgt-light": rgt_light,
    "edsr-baseline": edsr_baseline,
    "edsr": edsr,
    "rcan": rcan,
    "rdn": rdn,
    "rdn-light": rdn_light,
    "swinir": swinir,
    "swinir-light": swinir_light,
    "swinir-real": swinir_real,
    "swinir-real-l": swinir_real_l,
    "liif-edsr": liif_edsr,
    "liif-rdn": liif_rdn,
    "liif-swinir": liif_swinir,
    "liif-light": liif_light,
}
"""Maps the name of a size to a function from scale to settings."""

_FAMILY_OF_HEAD = {"implicit": "ciaosr", "graph": "srgrn", "liif": "liif"}
_FAMILY_OF_BACKBONE = {"hourglass": "uhdn"}


def build(
    name: str,
    scale: int | None = None,
    attention: Attention | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Network:
    """Return an untrained network of a listed size, or a variant of it.

    Args:
        name: One of `SIZES`.
        scale: Scale factor. A network for any scale uses it when the caller gives no output size;
            it is optional there.
        attention: How the blocks are modulated, in place of the size's own modulation.
        changes: Any other settings to change, such as `{"backbone": {"channels": 48}}`; see
            `varied`.

    Raises:
        ValueError: If the size or a setting does not exist, the size needs a scale, or its blocks
            cannot be modulated.

    >>> build("rgt-light", 2, changes={"backbone": {"attention": "local"}}).limits.scale
    2
    """
    if name not in SIZES:
        close = get_close_matches(name, SIZES)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(SIZES)}"
        raise ValueError(f"no network is called {name!r}; {hint}")
    settings = varied(SIZES[name](4 if scale is None else scale), changes or {})
    if attention is not None:
        settings = _with_attention(name, settings, attention)
    if scale is None and not weightless(settings).limits.any_scale:
        raise ValueError(f"{name} needs a scale, such as scale=4")
    return Network(settings)


def family(settings: NetworkSettings) -> str:
    """Return the family that settings belong to: one of the five systems or a baseline.

    >>> family(uhdn(2))
    'uhdn'
    """
    backbone, head = settings.backbone.kind, settings.head.kind
    if head in _FAMILY_OF_HEAD:
        return _FAMILY_OF_HEAD[head]
    modulation = getattr(settings.backbone, "modulation", None)
    if backbone == "rcan" and isinstance(modulation, Modulation) and modulation.attention == "crac":
        return "cran"
    return _FAMILY_OF_BACKBONE.get(backbone, backbone)


def _with_attention(name: str, settings: NetworkSettings, attention: Attention) -> NetworkSettings:
    if not isinstance(getattr(settings.backbone, "modulation", None), Modulation):
        raise ValueError(f"{name} has no blocks that can be modulated (attention={attention!r})")
    return varied(settings, {"backbone": {"modulation": {"attention": attention}}})
