"""Measure the cost of arbitrary-scale networks, such as CiaoSR over EDSR-baseline.

    python benchmarks/ciaosr.py [--quick] [--json FILE]

Each network takes turns with a float32 product of 4096² matrices in one process. Prints the time of
a network as a multiple of that of the product, which says more about another computer than seconds
do. Peak memory is measured in a process that does nothing else. The first case must stay within 9
products and 1.2 GB; if it exceeds one of these, the exit status is 1.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from limits import Limits
from peak import held, reported
from timing import Run, interleaved

from bigpicture.models.catalog import build

SIDE = 4096  # of the matrices
MOST = {("ciaosr-edsr", 96, 4.0): (9.0, 1.2)}  # products, GB
CASES = [
    ("ciaosr-edsr", 96, 4.0),
    ("ciaosr-edsr", 96, 2.0),
    ("ciaosr-edsr", 48, 8.0),
    ("ciaosr-edsr", 160, 2.5),
    ("ciaosr-light", 96, 4.0),
    ("liif-edsr", 96, 4.0),
]


def network_run(name: str, side: int, scale: float) -> Run:
    """Return a function that runs a network on a square picture, as inference does."""
    network = build(name).eval()
    low = torch.rand(1, 3, side, side)
    size = round(side * scale), round(side * scale)

    def run() -> object:
        with torch.inference_mode():
            return network(low, size)

    return run


def product_run() -> Run:
    """Return a function that computes the product."""
    one, other = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    return lambda: one @ other


def peak_memory(name: str, side: int, scale: float) -> float:
    """Return the peak memory, in GB, of a separate process that runs a network twice."""
    return reported([sys.executable, __file__, "--alone", name, str(side), str(scale)])


def alone(name: str, side: int, scale: float) -> None:
    """Run a network twice and print the peak memory of this process, in GB."""
    run = network_run(name, side, scale)
    print(max(held(run).peak for _ in range(2)) / 1e9)


def main() -> int:
    """Print a table of ratios and memory; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the first case, fewer repeats")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        name, side, scale = arguments.alone
        alone(name, int(side), float(scale))
        return 0
    rows, limits = [], Limits()
    print(f"case | s | product of {SIDE}² s | ratio | peak GB\n--- | --- | --- | --- | ---")
    for case in CASES[:1] if arguments.quick else CASES:
        name, side, scale = case
        runs = {"network": network_run(*case), "product": product_run()}
        seconds = interleaved(runs, 3 if arguments.quick else 7)
        ratio, peak = seconds["network"] / seconds["product"], peak_memory(*case)
        title = f"{name}, {side}² ×{scale:g}"
        times = f"{seconds['network']:.2f} | {seconds['product']:.3f}"
        products, gigabytes = MOST.get(case, (None, None))
        said = f"{limits.most(ratio, products)} | {limits.most(peak, gigabytes)}"
        print(f"{title} | {times} | {said}", flush=True)
        rows.append({"case": title, **seconds, "ratio": ratio, "peak_gb": peak})
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    return limits.status


if __name__ == "__main__":
    sys.exit(main())
