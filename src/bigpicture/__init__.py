"""Make pictures larger with networks that look at the whole picture.

    import bigpicture as bp
    model = bp.load("uhdn-x2")
    big = model.upscale(image)

Importing this imports nothing else: PyTorch comes in when a model is loaded or built.
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
    """Return a network with its weights, ready to enlarge pictures, on the CPU: see `Model.to`.

    Args:
        model: A name that `list_models` knows, or a weight file: .safetensors, or .pth and its
            kin, of which only tensors are read.

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
    image: Any,  # noqa: ANN401 - many kinds, each gives itself
    model: "str | os.PathLike[str] | None" = None,
    *,
    device: str = "auto",
    **options: Any,  # noqa: ANN401 - `Model.upscale` refuses what it does not know
) -> Any:  # noqa: ANN401
    """Return `image`, larger, in the kind that it came in.

    Args:
        image: A Pillow image, an array, a tensor, or a file's path: see `Model.upscale`.
        model: A name or a weight file, see `load`; else the best that is shipped for the option
            `scale`. To enlarge many pictures, load it once.
        device: "auto", CUDA, else Apple's GPU, else the CPU; or as in PyTorch.
        options: Those of `Model.upscale`.

    Raises:
        ValueError: If the model or an option is none, or the image cannot be read.
    """
    from bigpicture.weights.index import default_for

    loaded = load(default_for(options.get("scale")) if model is None else model)
    return loaded.to(device).upscale(image, **options)


def list_models() -> "list[Entry]":
    """Return the shipped models with their scale, size, scores and licence."""
    from bigpicture.weights import index

    return index.list_models()


def __getattr__(name: str) -> object:
    """Import what is asked for; an `import` above would bring PyTorch along (PEP 562)."""
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _CLASSES:
        return getattr(importlib.import_module(_CLASSES[name]), name)
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("bigpicture")
    raise AttributeError(f"module 'bigpicture' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
