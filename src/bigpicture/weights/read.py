"""Weight files → tensors by key. Nothing in a file is ever executed.

.safetensors             tensors and the facts that came with them
.pth .pt .ckpt .bin      tensors by PyTorch's restricted unpickler, searched for in the usual
                         wrappings (`state_dict`, `params_ema`, …, `module.`)
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
"""Key of a safetensors file's metadata under which the facts stand as JSON."""

_WRAPPINGS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "net")


def read_weights(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Return the tensors of a file and, of our own files, the facts that came with them.

    Raises:
        WeightsError: If the file is missing, is no weight file, is cut short, or holds code.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    return _read_pickle(path), {}


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts of one of our own files, from its header alone.

    Raises:
        WeightsError: If the file is no safetensors file.
    """
    try:
        with safe_open(path, "numpy") as file:
            return json.loads((file.metadata() or {}).get(FACTS, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a safetensors file, or cut short ({error})") from error


def _read_safetensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    facts = read_facts(path)
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, facts  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a safetensors file, or cut short ({error})") from error


def _read_pickle(path: Path) -> Tensors:
    try:
        with warnings.catch_warnings():  # of odd pickles, which are then refused or read
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: holds more than tensors, so reading it could run code; "
            "save its state_dict alone, best as safetensors"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        raise WeightsError(f"{path}: not a weight file, or cut short ({error})") from error
    return _unwrapped(content, path)


def _unwrapped(content: object, path: Path) -> Tensors:
    """Return the tensors of a checkpoint, without the usual wrappings around them."""
    while isinstance(content, Mapping):
        inner = next((content[key] for key in _WRAPPINGS if _is_mapping(content.get(key))), None)
        if inner is None:
            break
        content = inner
    tensors = (
        {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, Mapping)
        else {}
    )
    if not tensors:
        raise WeightsError(f"{path}: no tensors in it")
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)
