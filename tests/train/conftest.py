"""A network, photographs and a recipe so small that a run takes a second."""

import json

import numpy as np
import pytest
from rich.console import Console

from bigpicture.config import parse
from bigpicture.image import Picture, write
from bigpicture.layers.modulation import Modulation
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.catalog import SIZES
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import NetworkSettings
from bigpicture.train.recipe import Recipe


def tiny(scale: int) -> NetworkSettings:
    """U-HDN of two blocks, without IKM, which averages gradients over the pictures of a batch."""
    modulation = Modulation("none")
    backbone = HourglassSettings(
        channels=16, growth=4, blocks=2, depths=(1, 1), modulation=modulation
    )
    return NetworkSettings(backbone, SubPixelSettings(scale=scale, expansion="grouped"))


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setitem(SIZES, "tiny", tiny)


@pytest.fixture
def photographs(tmp_path):
    """Folders `train` and `benchmark/HR` of coloured squares."""
    rng = np.random.default_rng(0)
    for part, count in [("train", 3), ("benchmark/HR", 2)]:
        folder = tmp_path / part
        folder.mkdir(parents=True)
        for i in range(count):
            smooth = np.kron(rng.integers(0, 256, (6, 7, 3)), np.ones((8, 8, 1))).astype(np.uint8)
            write(Picture(smooth), folder / f"{i}.png")
    return tmp_path


@pytest.fixture
def recipe(photographs) -> Recipe:
    content = {
        "name": "small",
        "model": {"size": "tiny", "scale": 2},
        "data": {
            "train": [photographs / "train"],
            "description": "squares",
            "licence": "CC0",
            "cache": photographs / "cache",
            "images": 2,
            "patch": 8,
        },
        "optimiser": {"rate": 1e-3, "steps": 4, "warmup": 1},
        "precision": {"numbers": "fp32"},
        "watch": {
            "benchmark": photographs / "benchmark",
            "validate_every": 2,
            "save_every": 1,
            "log_every": 1,
        },
    }
    return parse(content, Recipe, "test")


@pytest.fixture
def changed():
    """Return a recipe with other values in some of its parts."""

    def change(recipe: Recipe, **parts) -> Recipe:
        content = recipe.model_dump()
        for part, values in parts.items():
            content[part] = values if part == "losses" else content[part] | values
        return parse(content, Recipe, "test")

    return change


@pytest.fixture
def quiet() -> Console:
    return Console(quiet=True)


@pytest.fixture
def logged():
    """Return the lines of a run's log that have a value."""

    def read(folder, name: str) -> list[dict]:
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        return [line for line in lines if name in line]

    return read


@pytest.fixture
def toml(tmp_path):
    """Write a recipe as a file; return it."""

    def written(value) -> str:
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{k} = {written(v)}" for k, v in value.items()) + " }"
        return json.dumps(value)  # which TOML writes alike

    def write_recipe(recipe: Recipe):
        content = recipe.model_dump(mode="json", exclude_none=True)
        file = tmp_path / "recipe.toml"
        file.write_text("\n".join(f"{key} = {written(value)}" for key, value in content.items()))
        return file

    return write_recipe
