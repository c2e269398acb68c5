"""Weights to start a training from: what fits of a file, and which settings differ.

Tensors fit if they have the same key and shape. So a network can start from one of another scale,
or from one that shares its backbone. An SRGRN can also start from the head of an RDN, and as that
RDN, because its other layers start as the identity.
"""

import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bigpicture.models.network import Network, NetworkSettings
from bigpicture.models.variant import to_plain
from bigpicture.weights.detect import to_our_keys
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.file import settings_of, stored_settings
from bigpicture.weights.public.release import count, rename
from bigpicture.weights.read import Tensors, read_weights

__all__ = ["Fitted", "load_fitting"]

_USED_BY = {
    "reduction": "channel",
    "threshold": "ikm",
    "form": "ikm",
    "gradient": "ikm",
    "crac": "crac",
}
"""Settings of a modulation that do nothing unless its attention is this one."""


class Fitted(NamedTuple):
    """What a network took from a file.

    Attributes:
        missing: Keys of the network's tensors that the file does not have, or in another shape.
        changed: Settings that differ, as `name old → new`, from those of the file to those of the
            network; None if the file's are not known, as those of a backbone alone.
    """

    missing: list[str]
    changed: list[str] | None


def load_fitting(network: Network, path: Path) -> Fitted:
    """Load the tensors of a file that fit `network`.

    Settings that the file stores as tensors, such as IKM's threshold, are not loaded: those of
    `network` stay.

    Raises:
        WeightsError: If the file cannot be read, or none of its tensors fits.
    """
    tensors, facts = read_weights(path)
    converted = to_our_keys(tensors, str(path))
    kept = stored_settings(network)
    own = {key: value for key, value in network.state_dict().items() if key not in kept}
    theirs = _for_graph_head(converted.tensors, own)
    fitting = {k: v for k, v in theirs.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise WeightsError(f"{path}: none of its tensors fit this network")
    network.load_state_dict(fitting, strict=False)
    try:
        changed = list(_changes(settings_of(converted, facts, path), network.settings))
    except WeightsError:
        changed = None
    return Fitted([key for key in own if key not in fitting], changed)


def _for_graph_head(tensors: Tensors, own: Tensors) -> Tensors:
    """Return tensors with a sub-pixel head's keys changed to a graph head's, if `own` has one."""
    if "head.to_picture.weight" not in own or "head.before.0.weight" in tensors:
        return tensors
    convolution = "expand" if "head.up.0.expand.weight" in own else "0"
    # in the sub-pixel head, a shuffle follows each convolution
    rules = {
        rf"head\.up\.{2 * step}\.(weight|bias)": rf"head.up.{step}.{convolution}.\1"
        for step in range(count(own, r"head\.up\.(\d+)\."))
    }
    return rename(tensors, rules | {r"head\.last\.(.+)": r"head.to_picture.\1"})


def _changes(theirs: NetworkSettings, own: NetworkSettings) -> Iterator[str]:
    old, new = (_by_path(to_plain(settings)) for settings in (theirs, own))
    for name, value in new.items():
        if name in old and old[name] != value:
            yield f"{name} {reprlib.repr(old[name])} → {reprlib.repr(value)}"


def _by_path(plain: Mapping[str, Any], path: str = "") -> dict[str, object]:
    """Return the settings that do something, by dotted names such as `head.scale`."""
    found: dict[str, object] = {}
    for name, value in plain.items():
        if "attention" in plain and _USED_BY.get(name, plain["attention"]) != plain["attention"]:
            continue
        if isinstance(value, Mapping):
            found |= _by_path(value, f"{path}{name}.")
        else:
            found[path + name] = value
    return found
