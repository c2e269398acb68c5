"""A network small enough for every test, as a weight file, and pictures to give it."""

import signal

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from bigpicture.app.cli import app
from bigpicture.image import Picture, write
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings
from bigpicture.weights.file import save_network


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> str:
    """A ×2 network's file."""
    torch.manual_seed(0)
    settings = NetworkSettings(
        HourglassSettings(channels=16, growth=4, blocks=1, depths=(1, 1)),
        SubPixelSettings(expansion="grouped"),
    )
    file = tmp_path_factory.mktemp("weights") / "tiny-x2.safetensors"
    network = Network(settings)
    facts = {"name": "tiny-x2", "parameters": 1, "licence": "CC0", "scores": {}, "protocol": "sr-y"}
    save_network(network, file, facts)
    return str(file)


@pytest.fixture
def heard():
    """Hear of signals: whoever starts tests in the background may have them ignore Ctrl-C."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    yield
    for number, known in before.items():
        signal.signal(number, known)


@pytest.fixture
def bigpicture():
    """Run the command line in this process."""

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def make():
    """Write a picture of random pixels."""

    def picture(path, height=12, width=16, channels=3, dtype=np.uint8):
        path.parent.mkdir(parents=True, exist_ok=True)
        top = np.iinfo(dtype).max
        pixels = np.random.default_rng(0).integers(0, top, (height, width, channels), dtype)
        write(Picture.from_array(pixels), path)
        return path

    return picture
