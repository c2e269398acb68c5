"""Check the speed of all networks against their limits, and measure what bfloat16 brings here.

    python benchmarks/networks.py [--spandrel PYTHON] [--benchmark SET]

Runs short versions of the scripts beside this one: modulation.py (U-HDN with IKM may take at most
1.15 times as long as without it, CRAN with CRAC 1.05 times), ciaosr.py (at most 9 products of 4096²
matrices and 1.2 GB), and, given an interpreter that has spandrel 0.4.2, rgt.py (at least 2 times
faster, at most 0.7 of the memory). Then runs networks of each kind by turns in float32 and bfloat16
on a picture. With --benchmark, also checks that bfloat16 costs each shipped network at most 0.02 dB
of PSNR (`sr-y`) on that set. The exit status is 1 if a limit is broken.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch
from limits import Limits
from modulation import evaluation
from timing import interleaved

import bigpicture
from bigpicture.app.evaluate import measure, restorer
from bigpicture.data.benchmarks import open_benchmark
from bigpicture.models.catalog import build

HERE = Path(__file__).parent
KINDS = ["uhdn", "cran-light", "srgrn-light", "rgt-light", "ciaosr-light"]


def script(name: str, *arguments: str) -> int:
    """Run a script of this folder, which prints its own output, and return its exit status."""
    print(f"\n{name} {' '.join(arguments)}", flush=True)
    return subprocess.run([sys.executable, str(HERE / name), *arguments], check=False).returncode


def faster() -> None:
    """Print how much faster networks are in bfloat16."""
    print("\nnetwork, 128² ×2 | fp32 s | bf16 s | times faster\n--- | --- | --- | ---", flush=True)
    low = torch.rand(1, 3, 128, 128).contiguous(memory_format=torch.channels_last)
    for name in KINDS:
        network = build(name, 2).eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        runs = {str(bf16): evaluation(network, low, bf16) for bf16 in (False, True)}
        fp32, bf16 = interleaved(runs, 5).values()
        print(f"{name} | {fp32:.3f} | {bf16:.3f} | {fp32 / bf16:.2f}", flush=True)


def lost(benchmark: Path) -> int:
    """Print how much PSNR the shipped networks lose in bfloat16; return the exit status."""
    print(f"\nnetwork, {benchmark.name} | fp32 dB | bf16 dB | lost\n--- | --- | --- | ---")
    limits = Limits()
    for entry in bigpicture.list_models():
        pairs, psnr = open_benchmark(benchmark, scale=entry.scale), {}
        for numbers in ("fp32", "bf16"):
            restore = restorer(
                entry.name, entry.scale, "cpu", tile="auto", ensemble=False, precision=numbers
            )
            report = measure(restore, pairs, scale=entry.scale, protocol="sr-y", model=entry.name)
            psnr[numbers] = report.mean["psnr"]
        one, other = psnr.values()
        print(
            f"{entry.name} | {one:.3f} | {other:.3f} | {limits.most(one - other, 0.02)}", flush=True
        )
    return limits.status


def main() -> int:
    """Print the tables of all scripts and of bfloat16; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spandrel", metavar="PYTHON", help="an interpreter that has spandrel")
    parser.add_argument("--benchmark", type=Path, help="a set, such as Set5")
    arguments = parser.parse_args()
    found = [
        script("modulation.py", "--sides", "256", "--batches", "1", "--no-training"),
        script("ciaosr.py", "--quick"),
    ]
    if arguments.spandrel:
        found.append(script("rgt.py", arguments.spandrel))
    faster()
    if arguments.benchmark:
        found.append(lost(arguments.benchmark))
    return int(any(found))  # that of a script which a signal has ended is negative


if __name__ == "__main__":
    sys.exit(main())
