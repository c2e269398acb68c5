"""What every test may ask for: the shared material, the device and type to run on, a fixed seed."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="torch device to run the tests on")
    parser.addoption("--dtype", default="float32", help="torch floating-point type to test with")


@pytest.fixture(scope="session")
def device(request) -> torch.device:
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(scope="session")
def dtype(request) -> torch.dtype:
    return getattr(torch, request.config.getoption("--dtype"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material that is shared between projects and never committed: data, golden files."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("BIGPICTURE_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"no shared material at {folder}; set BIGPICTURE_SHARED to its folder")
    return folder


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def no_units_for_bf16(monkeypatch):
    """Let `precision="auto"` mean the same on every machine that runs the tests."""
    precision = sys.modules.get("bigpicture.infer.precision")
    if precision is not None:
        monkeypatch.setattr(precision, "_has_units", lambda device: False)
