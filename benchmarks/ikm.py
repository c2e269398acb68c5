"""What looking at the whole picture costs: U-HDN with IKM against the same network without.

    python benchmarks/ikm.py [--quick] [--json FILE]

The two networks take turns in one process, and the ratio of their median times is printed, for
evaluation (pictures of 256² and 1024², batches of 1 and 8, float32 and bfloat16) and for a training
step (16 crops of 48²). The published implementation's grouped convolution stands beside them.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from bigpicture.models.catalog import build

Run = Callable[[], object]


def interleaved(runs: dict[str, Run], repeats: int) -> dict[str, float]:
    """Return the median seconds of each run, taking turns so that all meet the same noise."""
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def evaluation(network: nn.Module, low: torch.Tensor, bf16: bool) -> Run:
    """Return a run of the network on pictures, as inference does it."""

    def run() -> object:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return network(low)

    return run


def training_step(network: nn.Module, low: torch.Tensor, high: torch.Tensor) -> Run:
    """Return a whole step: forward, L1, backward, Adam."""
    optimiser = torch.optim.Adam(network.parameters())

    def run() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            restored = network(low)
        loss = (restored.float() - high).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        return optimiser.step()

    return run


def pair() -> dict[str, nn.Module]:
    """Return the two networks, with channels last."""
    networks = {"plain": build("uhdn", 2, "none"), "ikm": build("uhdn", 2, "ikm")}
    layout = torch.channels_last
    return {name: net.to(memory_format=layout) for name, net in networks.items()}  # pyright: ignore[reportCallIssue]


def main() -> None:
    """Print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="pictures of 256² only, fewer repeats")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    print("case | plain s | ikm s | ratio\n--- | --- | --- | ---")

    def report(case: str, seconds: dict[str, float]) -> None:
        ratio = seconds["ikm"] / seconds["plain"]
        print(f"{case} | {seconds['plain']:.3f} | {seconds['ikm']:.3f} | {ratio:.3f}", flush=True)
        rows.append({"case": case, **seconds, "ratio": ratio})

    networks = {name: network.eval() for name, network in pair().items()}
    for side in (256,) if arguments.quick else (256, 1024):
        for batch in (1, 8):
            low = torch.rand(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
            for bf16 in (False, True):
                runs = {name: evaluation(net, low, bf16) for name, net in networks.items()}
                heavy = side * side * batch > 2**20
                seconds = interleaved(runs, 3 if heavy or arguments.quick else 7)
                precision = "bf16" if bf16 else "fp32"
                report(f"evaluation, {batch} × {side}², {precision}", seconds)
    low = torch.rand(16, 3, 48, 48).contiguous(memory_format=torch.channels_last)
    high = torch.rand(16, 3, 96, 96)
    runs = {name: training_step(network.train(), low, high) for name, network in pair().items()}
    report("training step, 16 × 48², bf16", interleaved(runs, 5 if arguments.quick else 9))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
