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
    from bigpicture import models
    from bigpicture.infer.model import Model
    from bigpicture.weights.index import Entry

    __version__: str

__all__ = ["Model", "__version__", "list_models", "load", "models", "upscale"]


def load(model: "str | os.PathLike[str]") -> "Model":
    """Return a network with its weights, ready to enlarge pictures.

    Args:
        model: A name that `list_models` knows, or a weight file: .safetensors, or .pth and its
            kin, of which only tensors are read.

    Raises:
        ValueError: If there is no such model, or the file does not hold the weights of one.
    """
    from bigpicture.infer.model import Model
    from bigpicture.weights.file import load_file
    from bigpicture.weights.index import find

    file = find(os.fspath(model))
    network, facts = load_file(file)
    return Model(network, network.limits, file.stem, facts)


def upscale(
    image: Any,  # noqa: ANN401 - many kinds, each gives itself
    model: "str | os.PathLike[str] | None" = None,
    **options: Any,  # noqa: ANN401 - `Model.upscale` refuses what it does not know
) -> Any:  # noqa: ANN401
    """Return `image`, larger, in the kind that it came in.

    Args:
        image: A Pillow image, an array, a tensor, or a file's path: see `Model.upscale`.
        model: A name or a weight file, see `load`; else the best that is shipped for the option
            `scale`. To enlarge many pictures, load it once.
        options: Those of `Model.upscale`.

    Raises:
        ValueError: If the model or an option is none, or the image cannot be read.
    """
    from bigpicture.weights.index import default_for

    return load(model or default_for(options.get("scale"))).upscale(image, **options)


def list_models() -> "list[Entry]":
    """Return the shipped models with their scale, size, scores and licence."""
    from bigpicture.weights import index

    return index.list_models()


def __getattr__(name: str) -> object:
    """Import what is asked for; an `import` above would bring PyTorch along (PEP 562)."""
    if name == "models":
        return importlib.import_module("bigpicture.models")
    if name == "Model":
        return importlib.import_module("bigpicture.infer.model").Model
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("bigpicture")
    raise AttributeError(f"module 'bigpicture' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
