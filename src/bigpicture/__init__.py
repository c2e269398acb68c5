"""Enlarge pictures with neural networks that look at the whole picture.

    import bigpicture as bp
    model = bp.load("uhdn-x2")
    big = model.upscale(image)

Importing the package is cheap: PyTorch is imported only when a model is loaded or built.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bigpicture import image, models
    from bigpicture.infer.enlarge import Cancelled, Report
    from bigpicture.infer.model import Model
    from bigpicture.weights.index import Entry

    __version__: str

__all__ = [
    "Cancelled",
    "Model",
    "Report",
    "__version__",
    "image",
    "list_models",
    "load",
    "models",
    "upscale",
]

_MODULES = {"image": "bigpicture.image", "models": "bigpicture.models"}
_CLASSES = {
    "Cancelled": "bigpicture.infer.enlarge",
    "Model": "bigpicture.infer.model",
    "Report": "bigpicture.infer.enlarge",
}


def load(model: "str | os.PathLike[str]") -> "Model":
    """Load a network with its weights onto the CPU, ready to enlarge pictures.

    Use `Model.to` to move it to another device.

    Args:
        model: A name from `list_models`, or a weight file: .safetensors, or .pth and similar
            formats, from which only tensors are read.

    Raises:
        ValueError: If there is no such model, or the file does not hold the weights of one.
    """
    from bigpicture.infer.model import Model
    from bigpicture.weights.file import load_file
    from bigpicture.weights.index import find

    if not isinstance(model, str | os.PathLike):
        hint = f"; did you mean scale={model}?" if isinstance(model, int | float) else ""
        raise ValueError(f"model must be a shipped name or a weight file, not {model!r:.80}{hint}")
    file = find(os.fspath(model))
    network, facts = load_file(file)
    return Model(network, network.limits, file.stem, facts)


def upscale(
    image: Any,  # noqa: ANN401 - many types, the result has the same
    model: "str | os.PathLike[str] | None" = None,
    *,
    device: str = "auto",
    **options: Any,  # noqa: ANN401 - `Model.upscale` refuses unknown ones
) -> Any:  # noqa: ANN401
    """Enlarge `image` and return a result of the same type.

    To enlarge many pictures, `load` a model once and call its `upscale`.

    Args:
        image: A Pillow image, an array, a tensor, or the path of a file: see `Model.upscale`.
        model: A name or a weight file, see `load`. By default, the best shipped model for the
            option `scale`.
        device: A PyTorch device, or "auto": CUDA, else Apple GPUs (MPS), else the CPU.
        options: Those of `Model.upscale`.

    Raises:
        ValueError: If the model or an option is invalid, or the image cannot be read.
    """
    from bigpicture.weights.index import default_for

    loaded = load(default_for(options.get("scale")) if model is None else model)
    return loaded.to(device).upscale(image, **options)


def list_models() -> "list[Entry]":
    """Return the shipped models with their scales, sizes, scores and licences."""
    from bigpicture.weights import index

    return index.list_models()


def __getattr__(name: str) -> object:
    """Import public names on first use: importing them above would import PyTorch (PEP 562)."""
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _CLASSES:
        return getattr(importlib.import_module(_CLASSES[name]), name)
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("bigpicture")
    raise AttributeError(f"module 'bigpicture' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
