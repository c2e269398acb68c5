"""What cutting a picture into tiles does to the result.

    python benchmarks/tiling.py FOLDER [--model uhdn-x2] [--tile 64] [--halo 32] [--sweeps 1 2 3]

For each picture of a folder (low-resolution ones, such as Set14/LR_bicubic/X2): the greatest and
the mean difference between the tiled and the whole result, in levels of 255, for independent tiles
and for tiles that share the whole picture's context; and the time of each beside the whole's.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import bigpicture as bp
from bigpicture.data.folders import images_in
from bigpicture.image import read


def timed(run: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, float]:
    """Return the result of `run` and its seconds."""
    start = time.perf_counter()
    return run(), time.perf_counter() - start


def main() -> None:
    """Print a line for each picture, and the worst and the mean over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="uhdn-x2")
    parser.add_argument("--tile", type=int, default=64)
    parser.add_argument("--halo", type=int, default=32)
    parser.add_argument("--sweeps", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    model = bp.load(arguments.model)
    ways: dict[str, dict[str, Any]] = {"tile": {"context": "tile"}}
    ways |= {f"{n} sweeps": {"context": "shared", "sweeps": n} for n in arguments.sweeps}
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    print(f"picture | {' | '.join(ways)}    (max, mean in levels of 255; time ÷ whole's)")
    for path in images_in(arguments.folder):
        low = read(path).colour_tensor()
        whole, seconds = timed(lambda low=low: model.upscale(low, tile="off"))
        line = [path.name]
        for way, options in ways.items():
            tiled, own = timed(
                lambda low=low, options=options: model.upscale(
                    low, tile=arguments.tile, halo=arguments.halo, **options
                )
            )
            error = (tiled - whole).abs() * 255
            found[way].append((error.max().item(), error.mean().item(), own / seconds))
            line.append("{:.4f} {:.6f} {:.1f}×".format(*found[way][-1]))
        print(" | ".join(line), flush=True)
    for way, rows in found.items():
        worst, means, times = (list(column) for column in zip(*rows, strict=True))
        print(
            f"{way}: at most {max(worst):.4f}, mean {statistics.mean(means):.6f}, "
            f"median time {statistics.median(times):.1f}×"
        )


if __name__ == "__main__":
    main()
