"""What every test may ask for: the shared material, other threads and processes, a fixed seed."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

pytest.register_assert_rewrite("support")

# how long an example takes says more of what else the machine does
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

from support.golden import Golden, read_golden  # noqa: E402 - once it is known that it asserts
from support.graphs import Graphs, hold  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="torch device to run the tests on")
    parser.addoption("--dtype", default="float32", help="torch floating-point type to test with")


@pytest.fixture(scope="session")
def device(request) -> torch.device:
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(scope="session")
def dtype(request) -> torch.dtype:
    return getattr(torch, request.config.getoption("--dtype"))


@pytest.fixture
def accelerator(device) -> torch.device:
    """The device of `--device`, for a test that compares it with the CPU."""
    if device.type == "cpu":
        pytest.skip("compares another device with the CPU; name one by --device")
    return device


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material that is shared between projects and never committed: data, golden files."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("BIGPICTURE_SHARED", default))
    if not folder.is_dir():
        pytest.skip(f"no shared material at {folder}; set BIGPICTURE_SHARED to its folder")
    return folder


@pytest.fixture
def golden(shared) -> Callable[[str], Golden]:
    """Read, by its name, what a published network made."""
    return lambda name: read_golden(shared / "golden" / f"{name}.safetensors")


@pytest.fixture
def at_once() -> Callable[[Callable[[int], object], int], list]:
    """Call a function with 0, 1, … in as many threads at the same time; return what it returns."""

    def call(work, count):
        together = threading.Barrier(count, timeout=60)

        def begin(index):
            together.wait()
            return work(index)

        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(begin, range(count)))

    return call


@pytest.fixture
def assert_same_everywhere(at_once) -> Callable[..., torch.Tensor]:
    """Hold a module's copies, and the module in threads, to what it makes; return that."""

    def hold_to(module, *inputs) -> torch.Tensor:
        expected = module(*inputs)
        for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            assert torch.equal(twin(*inputs), expected)
        assert all(torch.equal(y, expected) for y in at_once(lambda _: module(*inputs), 6))
        return expected

    return hold_to


@pytest.fixture
def alone() -> Callable[..., str]:
    """Run Python with arguments in a process of its own; return what it prints.

    What it printed is shown if it fails.
    """

    def run(*arguments, **options) -> str:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], capture_output=True, text=True, **options
        )
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def _unchecked() -> Iterator[ProcessPoolExecutor]:
    """A process in which nobody checks annotated shapes."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        yield process


@pytest.fixture
def unchecked(_unchecked) -> Callable[..., object]:
    """Call a function of the package in that process, as users do.

    So wrong types come to the function's own errors; here, beartype would find them first.
    """
    return lambda work, *arguments, **options: _unchecked.submit(
        work, *arguments, **options
    ).result()


@pytest.fixture
def assert_traces(_unchecked) -> Callable[..., None]:
    """Export a module for sizes it was not exported at, compile it into one graph, compare.

    In a process of its own: the checks of annotated shapes cannot be traced.
    """

    def trace(module, example, sizes, batch, **options) -> None:
        graphs = Graphs(example, sizes, batch, **options)
        _unchecked.submit(hold, pickle.dumps((module, graphs))).result()

    return trace


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def no_units_for_bf16(monkeypatch):
    """Let `precision="auto"` mean the same on every machine that runs the tests."""
    monkeypatch.setattr("bigpicture.infer.precision._has_units", lambda device: False)
