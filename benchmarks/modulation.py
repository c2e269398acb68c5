"""Measure the cost of modulated kernels: U-HDN with and without IKM, CRAN with and without CRAC.

    python benchmarks/modulation.py [--networks uhdn cran] [--sides 256 1024] [--batches 1 8]
        [--precisions fp32 bf16] [--no-training] [--repeats N] [--json FILE]

A network and the same network with plain convolutions take turns in one process. Prints the ratio
of their median times, beside its limit: for evaluation, in float32 and bfloat16, and for a training
step of 16 crops of 48² in bfloat16. The exit status is 1 if a ratio exceeds its limit. A row of
large pictures takes minutes; to get one alone, use, for example, --networks uhdn --sides 1024
--batches 8 --precisions bf16 --no-training.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from limits import Limits
from timing import Run, interleaved
from torch import nn

from bigpicture.models.catalog import build

MODULATION = {"uhdn": "ikm", "cran": "crac"}
PRECISIONS = ("fp32", "bf16")
SLOWER = {"uhdn": 1.15, "cran": 1.05}  # limits of the ratio in evaluation
SLOWER_STEP = {"uhdn": 1.3, "cran": None}


def evaluation(network: nn.Module, low: torch.Tensor, bf16: bool) -> Run:
    """Return a function that runs the network on pictures, as inference does."""

    def run() -> object:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return network(low)

    return run


def training_step(network: nn.Module, low: torch.Tensor, high: torch.Tensor) -> Run:
    """Return a function that makes a whole training step: forward, L1, backward, Adam."""
    optimiser = torch.optim.Adam(network.parameters())

    def run() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            restored = network(low)
        loss = (restored.float() - high).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        return optimiser.step()

    return run


def pair(name: str) -> dict[str, nn.Module]:
    """Return a network at ×2 without and with its modulation, in channels-last layout."""
    networks = {"plain": build(name, 2, "none"), "modulated": build(name, 2)}
    layout = torch.channels_last
    return {way: net.to(memory_format=layout) for way, net in networks.items()}  # pyright: ignore[reportCallIssue]


class Table:
    """A table whose rows are printed as they are added."""

    def __init__(self) -> None:
        self.rows: list[dict[str, str | float]] = []
        self.limits = Limits()
        print("case | plain s | modulated s | ratio\n--- | --- | --- | ---", flush=True)

    def add(self, case: str, seconds: dict[str, float], limit: float | None) -> None:
        """Print a row."""
        plain, modulated = seconds["plain"], seconds["modulated"]
        ratio = modulated / plain
        self.rows.append({"case": case, **seconds, "ratio": ratio})
        print(
            f"{case} | {plain:.3f} | {modulated:.3f} | {self.limits.most(ratio, limit)}", flush=True
        )


def main() -> int:
    """Print a table of ratios; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=MODULATION, default=list(MODULATION))
    parser.add_argument("--sides", type=int, nargs="*", default=[256, 1024], help="of pictures")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8], help="pictures at once")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--no-training", action="store_true", help="evaluation only")
    parser.add_argument("--repeats", type=int, help="rounds; else 7, 1 if large, 9 for steps")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table, layout = Table(), torch.channels_last
    for name in arguments.networks:
        title = f"{name} ({MODULATION[name]})"
        networks = {way: network.eval() for way, network in pair(name).items()}
        for side in arguments.sides:
            for batch in arguments.batches:
                low = torch.rand(batch, 3, side, side).contiguous(memory_format=layout)
                for precision in arguments.precisions:
                    bf16 = precision == "bf16"
                    runs = {way: evaluation(net, low, bf16) for way, net in networks.items()}
                    usual = 1 if side * side * batch > 2**20 else 7
                    seconds = interleaved(runs, arguments.repeats or usual)
                    table.add(
                        f"{title}, evaluation, {batch} × {side}², {precision}",
                        seconds,
                        SLOWER[name],
                    )
        if not arguments.no_training:
            low = torch.rand(16, 3, 48, 48).contiguous(memory_format=layout)
            high = torch.rand(16, 3, 96, 96)
            runs = {w: training_step(net.train(), low, high) for w, net in pair(name).items()}
            seconds = interleaved(runs, arguments.repeats or 9)
            table.add(f"{title}, training step, 16 × 48², bf16", seconds, SLOWER_STEP[name])
    if arguments.json:
        arguments.json.write_text(json.dumps(table.rows, indent=2), encoding="utf-8")
    return table.limits.status


if __name__ == "__main__":
    sys.exit(main())
