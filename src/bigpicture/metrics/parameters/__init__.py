"""Numbers that metrics were trained with; README.md beside this file says where they come from."""

from functools import cache
from pathlib import Path

from safetensors.torch import load_file

from bigpicture.shapes import Tensor

__all__ = ["load"]


@cache
def load(name: str) -> dict[str, Tensor]:
    """Return the tensors of a metric by their names."""
    return load_file(Path(__file__).with_name(f"{name}.safetensors"))
