"""Reading tensors by key from weight files, without ever executing their content.

.safetensors             tensors, and the facts stored with them
.pth .pt .ckpt .bin      tensors, by PyTorch's restricted unpickler; the usual wrappings
                         (`state_dict`, `params_ema`, `model` with `sd`, …, `module.`) are removed
"""

import json
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
_EXPANSION = 10  # times; weights hardly compress, but a hostile archive may unpack to any size
_NOT_ALONE = (
    "not a weight file, or one that holds more than tensors, so reading it could run code; in that "
    "case, save its state_dict alone, best as safetensors"
)


def read_weights(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Return the tensors of a file and, for files of our own, the facts stored with them.

    Raises:
        WeightsError: If the file is missing, cannot be read, is truncated or not a weight file, or
            contains code.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file")
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    return _read_pickle(path), {}


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts in a safetensors file, read from its header alone.

    Raises:
        WeightsError: If it cannot be read, is not a safetensors file, or its facts are not a JSON
            object.
    """
    with _readable(path), safe_open(path, "numpy") as file:
        stated = (file.metadata() or {}).get(FACTS, "{}")
    try:
        facts = json.loads(stated)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: its metadata is not valid JSON ({error})") from error
    if not isinstance(facts, dict):
        raise WeightsError(f"{path}: its metadata is not a JSON object but {stated[:40]!r}")
    return facts


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Name the file, and what is wrong with it, in the errors of reading it."""
    try:
        # of any file that it cannot open, safetensors says that there is none
        path.open("rb").close()
        yield
    except (OSError, MemoryError) as error:
        said = getattr(error, "strerror", None) or str(error) or "not enough memory"
        raise WeightsError(f"{path}: cannot be read ({said})") from error
    except SafetensorError as error:
        raise WeightsError(f"{path}: not a safetensors file, or cut short ({error})") from error


def _read_safetensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    facts = read_facts(path)
    with _readable(path), safe_open(path, "pt") as file:
        try:
            return {key: file.get_tensor(key) for key in file.keys()}, facts  # noqa: SIM118 - no mapping
        except AttributeError as error:
            raise WeightsError(
                f"{path}: holds numbers of a type that this PyTorch does not have ({error})"
            ) from error


def _read_pickle(path: Path) -> Tensors:
    with _readable(path):
        try:
            _check_archive(path)
            content = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, MemoryError, WeightsError):
            raise
        except pickle.UnpicklingError as error:
            raise WeightsError(f"{path}: {_NOT_ALONE}") from error
        except Exception as error:  # damaged pickles fail in many ways
            if "can't allocate memory" in str(error):
                raise MemoryError(str(error)) from error
            said = f"{type(error).__name__}: {error}"
            raise WeightsError(f"{path}: not a weight file, or cut short ({said})") from error
    return _unwrapped(content, path)


def _check_archive(path: Path) -> None:
    """Refuse an archive that holds a program, or unpacks to far more than its size."""
    if not zipfile.is_zipfile(path):
        return  # a file of PyTorch before 1.6
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):  # TorchScript
        raise WeightsError(f"{path}: {_NOT_ALONE}")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _EXPANSION * path.stat().st_size:
        size = f"{unpacked / 2**20:,.0f} MiB, more than {_EXPANSION} times its size"
        raise WeightsError(f"{path}: would unpack to {size}, as no weights do")


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
        raise WeightsError(f"{path}: {_hint(content)}")
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def _hint(content: object) -> str:
    """Return what a file without tensors is, and where the weights are, if that is known."""
    if not (isinstance(content, Mapping) and {"network", "average", "step"} <= content.keys()):
        return "no tensors in it"
    return (
        "this is a training checkpoint; its weights are beside it in NAME-best.safetensors, and in "
        "NAME.safetensors once training has finished"
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
