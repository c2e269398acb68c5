"""Reading tensors by key from weight files, without ever executing their content.

.safetensors             tensors, and the facts stored with them
.pth .pt .ckpt .bin      tensors, by PyTorch's restricted unpickler; the usual wrappings
                         (`state_dict`, `params_ema`, `model` with `sd`, …, `module.`) are removed
"""

import json
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from bigpicture.shapes import Tensor
from bigpicture.weights.errors import WeightsError

__all__ = ["FACTS", "Tensors", "read_facts", "read_weights"]

Tensors = dict[str, Tensor]

FACTS = "bigpicture"
"""Key of a safetensors file's metadata that holds the facts as JSON."""

_WRAPPINGS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "net", "sd")
_DEEPEST = 3  # nested wrappings; those of a hostile file may contain themselves


def read_weights(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Return the tensors of a file and, for files of our own, the facts stored with them.

    Raises:
        WeightsError: If the file is missing, truncated, not a weight file, or contains code.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file")
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    return _read_pickle(path), {}


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts in a safetensors file, read from its header alone.

    Raises:
        WeightsError: If it is not a safetensors file, or its facts are not a JSON object.
    """
    try:
        with safe_open(path, "numpy") as file:
            stated = (file.metadata() or {}).get(FACTS, "{}")
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a safetensors file, or cut short ({error})") from error
    try:
        facts = json.loads(stated)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: its facts are no JSON ({error})") from error
    if not isinstance(facts, dict):
        raise WeightsError(f"{path}: its facts are no JSON object but {stated[:40]!r}")
    return facts


def _read_safetensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    facts = read_facts(path)
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, facts  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a safetensors file, or cut short ({error})") from error


def _read_pickle(path: Path) -> Tensors:
    try:
        with warnings.catch_warnings():  # unusual pickles are read or refused without warnings
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: not a weight file, or one that holds more than tensors, so reading it could "
            "run code; in that case, save its state_dict alone, best as safetensors"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # damaged pickles fail in many ways
        said = f"{type(error).__name__}: {error}"
        raise WeightsError(f"{path}: not a weight file, or cut short ({said})") from error
    return _unwrapped(content, path)


def _unwrapped(content: object, path: Path) -> Tensors:
    """Return the tensors of a checkpoint, with the usual wrappings removed."""
    for _ in range(_DEEPEST):
        if isinstance(content, Mapping):
            inside = (content[key] for key in _WRAPPINGS if _is_mapping(content.get(key)))
            content = next(inside, content)
    tensors = (
        {str(key): value for key, value in content.items() if _is_tensor(value)}
        if isinstance(content, Mapping)
        else {}
    )
    if not tensors:
        raise WeightsError(f"{path}: no tensors in it{_hint(content)}")
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def _hint(content: object) -> str:
    """Return where to find the weights, if `content` is a checkpoint of `bigpicture train`."""
    if not (isinstance(content, Mapping) and {"network", "average", "step"} <= content.keys()):
        return ""
    return (
        " but those that a run goes on from; its weights, with the settings that they belong to, "
        "lie beside it: NAME-best.safetensors, and at the end NAME.safetensors"
    )


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tensor(value: object) -> bool:
    """Return whether a value is a dense tensor that stores each of its elements.

    In a hostile file, all elements may share one, for a shape larger than any memory.
    """
    if not isinstance(value, Tensor) or value.is_meta or value.layout is not torch.strided:
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()
