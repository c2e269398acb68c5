"""The networks' speed in one go: what each is held to, and what bfloat16 brings here.

    python benchmarks/networks.py [--spandrel PYTHON]

Runs the scripts beside this one, in short: modulation.py (U-HDN with IKM at most 1.15 times its own
network without, CRAN with CRAC 1.05 times), ciaosr.py (at most 9 products of 4096² matrices and
1.2 GB), and, with an interpreter that has spandrel 0.4.2, rgt.py (at least 2 times faster, at most
0.7 of the memory). Then networks of each kind in float32 and bfloat16 take turns on a picture.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch
from modulation import evaluation
from timing import interleaved

from bigpicture.models.catalog import build

HERE = Path(__file__).parent
KINDS = ["uhdn", "cran-light", "srgrn-light", "rgt-light", "ciaosr-light"]


def script(name: str, *arguments: str) -> None:
    """Run a script of this folder and let it print."""
    print(f"\n{name} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, str(HERE / name), *arguments], check=True)


def main() -> None:
    """Print the tables of all scripts, and one of bfloat16."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spandrel", metavar="PYTHON", help="an interpreter that has spandrel")
    arguments = parser.parse_args()
    script("modulation.py", "--sides", "256", "--batches", "1", "--no-training")
    script("ciaosr.py", "--quick")
    if arguments.spandrel:
        script("rgt.py", arguments.spandrel)
    print("\nnetwork, 128² ×2 | fp32 s | bf16 s | times faster\n--- | --- | --- | ---", flush=True)
    low = torch.rand(1, 3, 128, 128).contiguous(memory_format=torch.channels_last)
    for name in KINDS:
        network = build(name, 2).eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        runs = {str(bf16): evaluation(network, low, bf16) for bf16 in (False, True)}
        fp32, bf16 = interleaved(runs, 5).values()
        print(f"{name} | {fp32:.3f} | {bf16:.3f} | {fp32 / bf16:.2f}", flush=True)


if __name__ == "__main__":
    main()
