"""The shipped weights and their facts, such as scale, data, licence, training and scores."""

import atexit
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import as_file, files
from numbers import Real
from pathlib import Path
from typing import Any

from bigpicture.weights.errors import WeightsError
from bigpicture.weights.file import LoadedFile, load_file
from bigpicture.weights.read import read_facts

__all__ = ["Entry", "default_for", "find", "list_models", "load"]


@dataclass(frozen=True)
class Entry:
    """A shipped model.

    Attributes:
        name: Name to pass to `load`.
        family: Family of the network, such as `uhdn`.
        scale: Scale factor; for a network that renders any scale, the default.
        any_scale: Whether the network renders any scale.
        parameters: Number of parameters.
        licence: Licence of the photographs that it was trained on.
        scores: Mean scores by benchmark, e.g. `{"Set5": {"psnr": …, "ssim": …}}`.
        protocol: Protocol of the scores.
        size: Size of the file in bytes.
    """

    name: str
    family: str
    scale: int
    any_scale: bool
    parameters: int
    licence: str
    scores: dict[str, dict[str, float]]
    protocol: str
    size: int


def list_models() -> list[Entry]:
    """Return all shipped models, sorted by name."""
    return [_entry(name, path) for name, path in sorted(_shipped().items())]


def default_for(scale: int | float | None) -> str:
    """Return the best shipped model for a scale: of the smallest sufficient scale, by mean PSNR.

    Args:
        scale: Scale factor; None for the smallest available. If no model's scale is sufficient,
            the largest is used, to be run repeatedly.

    Raises:
        ValueError: If `scale` is not a number.
    """
    if not isinstance(scale, Real | None):
        raise ValueError(f"scale must be a number, not {scale!r}")

    fixed = [entry for entry in list_models() if not entry.any_scale]
    scales = {entry.scale for entry in fixed}
    nearest = min((s for s in scales if scale is None or s >= scale), default=max(scales))
    alike = [entry for entry in fixed if entry.scale == nearest]
    sets = set.intersection(*(set(entry.scores) for entry in alike))  # benchmarks that all have
    return max(alike, key=lambda entry: sum(entry.scores[name]["psnr"] for name in sets)).name


def find(model: str | Path) -> Path:
    """Return the file of a shipped model, or the file that `model` itself names.

    Raises:
        WeightsError: If neither exists.
    """
    shipped = _shipped()
    if str(model) in shipped:
        return shipped[str(model)]
    path = Path(model)
    if path.is_file():
        return path
    close = get_close_matches(str(model), shipped, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(shipped))}"
    raise WeightsError(f"{model}: no shipped model and no file; {hint}")


def load(model: str | Path) -> LoadedFile:
    """Return the network of a shipped model or of a weight file, and its facts.

    Raises:
        WeightsError: If there is no such model, or its file cannot be used.
    """
    return load_file(find(model))


@cache
def _shipped() -> dict[str, Path]:
    """Return the shipped files by name. A zipped package's are unpacked until the program ends."""
    unpacked = ExitStack()
    atexit.register(unpacked.close)
    return {
        Path(file.name).stem: unpacked.enter_context(as_file(file))
        for file in (files("bigpicture.weights") / "files").iterdir()
        if file.name.endswith(".safetensors")
    }


def _entry(name: str, path: Path) -> Entry:
    facts: dict[str, Any] = read_facts(path)
    return Entry(
        name=name,
        family=facts["family"],
        scale=facts["settings"]["head"]["scale"],
        any_scale=facts.get("any_scale", False),
        parameters=facts["parameters"],
        licence=facts["licence"],
        scores=facts["scores"],
        protocol=facts["protocol"],
        size=path.stat().st_size,
    )
