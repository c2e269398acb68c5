"""Loading networks from weight files, and writing files of our own together with their facts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import save as to_bytes
from torch import nn

from bigpicture.context.ikm import IKMConv2d
from bigpicture.image.save import save
from bigpicture.models.catalog import family
from bigpicture.models.network import Network, NetworkSettings, weightless
from bigpicture.models.variant import from_plain, to_plain
from bigpicture.shapes import Tensor
from bigpicture.weights.detect import detect, to_our_keys
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.public.release import Converted
from bigpicture.weights.read import FACTS, Tensors, read_weights

__all__ = ["LoadedFile", "load_file", "save_network", "settings_of", "stored_settings"]

_MORE = 10
"""How many times as many tensors a network is built to be compared with those of its file."""
_NAMED = 3
"""How many tensors an error names."""


class LoadedFile(NamedTuple):
    """A network in evaluation mode and the facts that its file states."""

    network: Network
    facts: Mapping[str, Any]


def load_file(path: Path) -> LoadedFile:
    """Return the network of a weight file, with its weights.

    Raises:
        WeightsError: If the file cannot be read safely, no known network has such tensors, or a
            tensor is missing, unknown or of the wrong shape.
    """
    tensors, facts = read_weights(path)
    converted = to_our_keys(tensors, str(path))
    network = _filled(settings_of(converted, facts, path), converted.tensors, path)
    if converted.release:
        facts |= {"release": converted.release}
    return LoadedFile(network.eval(), facts)


def stored_settings(network: nn.Module) -> Tensors:
    """Return what a network's state has of its settings, by key: the thresholds of IKM."""
    return {
        f"{name}.threshold": module.threshold
        for name, module in network.named_modules()
        if isinstance(module, IKMConv2d)
    }


def save_network(network: Network, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a network's weights with its settings and `facts` (recipe, data, licence, scores).

    An existing file is replaced atomically.

    Raises:
        OSError: If the file cannot be written.
    """
    stated = {
        "family": family(network.settings),
        "settings": to_plain(network.settings),
        "any_scale": network.limits.any_scale,
        **facts,
    }
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    # not `save_file`, whose files only their owner may read
    save(path, [to_bytes(tensors, {FACTS: json.dumps(stated)})])


def settings_of(converted: Converted, facts: Mapping[str, Any], path: Path) -> NetworkSettings:
    """Return the settings that a file states, or else those that its tensors tell.

    Raises:
        WeightsError: If they are not those of a known network.
    """
    if "settings" not in facts:
        return detect(converted, str(path))
    stated = facts["settings"]
    try:
        if not isinstance(stated, Mapping):
            raise ValueError(f"they are {str(stated)[:40]!r}")
        return from_plain(stated)
    except ValueError as error:
        raise WeightsError(
            f"{path}: its settings do not describe a known network ({error})"
        ) from error


def _filled(settings: NetworkSettings, tensors: Tensors, path: Path) -> Network:
    """Return the network of `settings` with `tensors`.

    Time is taken only for about as many layers as the file has tensors, and memory only once their
    shapes are known to fit, as a damaged or hostile file may state a network of any size.
    """
    try:
        own = weightless(settings, _MORE * len(tensors)).state_dict()
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: no network can be built from it ({error})") from error
    _compare(own, tensors, path)
    network = Network(settings)
    network.load_state_dict(tensors)
    return network


def _compare(own: Mapping[str, Tensor], tensors: Tensors, path: Path) -> None:
    missing = [key for key in own if key not in tensors]
    unknown = [key for key in tensors if key not in own]
    misshapen = [
        f"{key} {tuple(tensors[key].shape)}, not {tuple(own[key].shape)}"
        for key in own
        if key in tensors and own[key].shape != tensors[key].shape
    ]
    problems = [("missing", missing), ("unknown", unknown), ("of the wrong shape", misshapen)]
    said = "; ".join(f"{_named(keys)} {what}" for what, keys in problems if keys)
    if said:
        raise WeightsError(f"{path}: tensors do not fit the network: {said}")


def _named(keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more
