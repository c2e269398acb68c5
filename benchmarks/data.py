"""Measure how much of a training step is spent waiting for its batch.

    python benchmarks/data.py FOLDER [--model cran-light] [--scale 2] [--images 16] [--patch 48]
                              [--seconds 0.1] [--workers 0 1 2] [--kinds bi dn bsrgan realesrgan]
                              [--steps 12] [--device auto]

For each degradation and number of workers, trains a network for some steps. Prints the time to draw
one batch when nothing else runs, the time of a step including its waiting, and the share of the
waiting in it. The first steps do not count: for them, workers have drawn ahead or have not started
yet. With `--seconds`, nothing is trained: each step sleeps for that long, as the loop does while a
GPU computes, which leaves all CPU cores to the workers. With `--scales 1 4`, crops are those for
networks that render any scale.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from bigpicture.data.batch import Batch
from bigpicture.data.loader import Crops, load_batches, processors
from bigpicture.data.settings import DataPart
from bigpicture.data.training import open_crops
from bigpicture.infer.device import choose_device
from bigpicture.models.catalog import build

Step = Callable[[Batch], object]


def training(model: str, scale: int | None, device: torch.device) -> Step:
    """Return a function that trains a network on one batch and waits for the device."""
    network = build(model, scale).to(device).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)

    def step(batch: Batch) -> None:
        batch = batch.to(device, torch.contiguous_format)
        points = batch.points
        restored = network(batch.low) if points is None else network.query(batch.low, *points)
        loss = F.l1_loss(restored, batch.target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()

    return step


def share(crops: Crops, step: Step, workers: int, steps: int) -> tuple[float, float]:
    """Return the mean seconds of a step, and the share of them spent waiting for batches."""
    early = 1 + 2 * workers  # their batches may have been drawn ahead, before any training
    waits, wholes = [], []
    batches = iter(load_batches(crops, range(early + steps), workers=workers))
    for _ in range(early + steps):
        began = time.perf_counter()
        batch = next(batches)
        waits.append(time.perf_counter() - began)
        step(batch)
        wholes.append(time.perf_counter() - began)
    return sum(wholes[early:]) / steps, sum(waits[early:]) / sum(wholes[early:])


def alone(crops: Crops) -> float:
    """Return the median seconds to draw a batch when nothing else runs."""
    seconds = []
    for step in range(6):
        began = time.perf_counter()
        crops.draw(step)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def main() -> None:
    """Print a table of degradations and numbers of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="cran-light")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--scales", type=float, nargs=2)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--patch", type=int, default=48)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="+", default=["bi", "dn", "bsrgan", "realesrgan"])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--cache", type=Path, default=Path(".cache/photographs"))
    given = parser.parse_args()
    scale = None if given.scales else given.scale
    device = choose_device(given.device)
    if given.seconds is None:
        step = training(given.model, scale, device)
        does = f"{given.model} on {device}"
    else:
        step, does = lambda batch: time.sleep(given.seconds), f"a step of {given.seconds} s"
    print(
        f"{given.images} crops of {given.patch}², ×{scale or given.scales}, {does}, "
        f"{processors()} processors, {torch.get_num_threads()} threads"
    )
    print("degradation  batch alone  workers  step      waiting")
    for kind in given.kinds:
        content = {
            "train": [given.folder],
            "description": "",
            "licence": "",
            "cache": given.cache,
            "images": given.images,
            "patch": given.patch,
            "scales": given.scales,
            "degradation": kind,
        }
        crops = open_crops(DataPart.model_validate(content), scale)
        drawn = alone(crops)
        for workers in given.workers:
            seconds, waiting = share(crops, step, workers, given.steps)
            print(
                f"{kind:12} {1000 * drawn:8.1f} ms  {workers:7}  {seconds:6.3f} s  {waiting:7.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
