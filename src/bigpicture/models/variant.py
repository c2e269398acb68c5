"""Conversion between network settings and the plain values of weight files and recipes.

    {"backbone": {"kind": "rgt", "channels": 96, …}, "head": {"kind": "subpixel", …}, …}

A variant, such as a row of an ablation table, states only what differs from a listed size.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from difflib import get_close_matches
from typing import Any, Literal

from pydantic import PositiveFloat, TypeAdapter, ValidationError

from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.backbones.rcan import RCANSettings
from bigpicture.models.backbones.rdn import RDNSettings
from bigpicture.models.backbones.rgt import RGTSettings
from bigpicture.models.backbones.swinir import SwinIRSettings
from bigpicture.models.contract import BackboneSettings, HeadSettings
from bigpicture.models.heads.direct import DirectSettings
from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.heads.implicit import ImplicitSettings
from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.models.heads.nearest import NearestSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings

__all__ = ["BACKBONES", "HEADS", "from_plain", "to_plain", "varied"]

Plain = dict[str, Any]

BACKBONES: dict[str, type[BackboneSettings]] = {
    "edsr": EDSRSettings,
    "hourglass": HourglassSettings,
    "rcan": RCANSettings,
    "rdn": RDNSettings,
    "rgt": RGTSettings,
    "swinir": SwinIRSettings,
}
HEADS: dict[str, type[HeadSettings]] = {
    "direct": DirectSettings,
    "graph": GraphSettings,
    "implicit": ImplicitSettings,
    "liif": LIIFSettings,
    "nearest": NearestSettings,
    "subpixel": SubPixelSettings,
}
_KINDS: dict[str, Mapping[str, type]] = {"backbone": BACKBONES, "head": HEADS}
_PICTURES: dict[str, Any] = {
    "colours": Literal[1, 3],
    "mean": tuple[float, ...],
    "std": tuple[PositiveFloat, ...],
}
"""Types of the settings that describe a network's pictures, by name."""


def to_plain(settings: NetworkSettings) -> Plain:
    """Return settings as values that JSON and TOML can represent."""
    return asdict(settings)  # pyright: ignore[reportArgumentType]


def from_plain(stated: Mapping[str, Any]) -> NetworkSettings:
    """Return the settings that plain values describe.

    Raises:
        ValueError: If a value is invalid, or a setting is missing or unknown.
    """
    names = [field.name for field in fields(NetworkSettings)]
    if missing := [name for name in names if name not in stated]:
        raise ValueError(f"setting {missing[0]!r} is missing")
    own = _merged(dict.fromkeys(names), stated, "")
    for part, kinds in _KINDS.items():
        kind = kinds[_kind(part, own[part])]
        # `_merged` refuses unknown names, which pydantic would ignore in a dataclass
        own[part] = _valid(part, kind, _merged(asdict(kind()), own[part], f"{part}."))
    for name, kind in _PICTURES.items():
        own[name] = _valid(name, kind, own[name])
    return NetworkSettings(**own)


def varied(settings: NetworkSettings, changes: Mapping[str, Any]) -> NetworkSettings:
    """Return `settings` with `changes` applied.

    Args:
        settings: The settings of a network.
        changes: Nested mapping of the values to replace, by name. A backbone or head of another
            `kind` starts from the defaults of that kind; a new head keeps the scale.

    Raises:
        ValueError: If a setting is unknown, with the closest known name, or a value is invalid.

    >>> from bigpicture.models.catalog import SIZES
    >>> row = {"backbone": {"modulation": {"attention": "none"}}, "head": {"kind": "graph"}}
    >>> varied(SIZES["uhdn"](3), row).head.scale
    3
    """
    plain = to_plain(settings)
    for part, kinds in _KINDS.items():
        if part not in changes:
            continue
        kind = _kind(part, changes[part], plain[part]["kind"])
        if kind != plain[part]["kind"]:
            kept = {"scale": settings.scale} if part == "head" else {}
            plain[part] = asdict(kinds[kind](**kept))
    return from_plain(_merged(plain, changes, ""))


def _kind(part: str, own: object, default: str | None = None) -> str:
    """Return the kind that the settings of a backbone or a head state."""
    if not isinstance(own, Mapping):
        raise ValueError(f"{part} is {own!r}; give its settings by name")
    kind, kinds = own.get("kind", default), _KINDS[part]
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"{part}.kind is {kind!r}; there are {', '.join(kinds)}")
    return kind


def _valid(name: str, kind: Any, value: object) -> Any:  # noqa: ANN401
    """Return a value, validated and converted to `kind`; errors name it `name`."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        said = (
            f"{'.'.join(map(str, (name, *e['loc'])))} is {e['input']!r}: {e['msg']}"
            for e in error.errors()
        )
        raise ValueError("; ".join(said)) from error


def _merged(plain: Mapping[str, Any], changes: Mapping[str, Any], path: str) -> Plain:
    result = dict(plain)
    for name, value in changes.items():
        if name not in plain:
            close = get_close_matches(name, plain, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(plain)}"
            raise ValueError(f"unknown setting {path + name!r}; {hint}")
        nested = isinstance(plain[name], Mapping)
        if nested and not isinstance(value, Mapping):
            raise ValueError(f"{path + name} is {value!r}; give its settings by name")
        result[name] = _merged(plain[name], value, f"{path}{name}.") if nested else value
    return result
