"""Measure what cutting a picture into tiles does to the result, for a network of each family.

    python benchmarks/tiling.py FOLDER [--models NAME...] [--only PICTURE...] [--tile 64] [--halo N]
    python benchmarks/tiling.py --pictures OUT [--models NAME...]

Prints, for the low-resolution pictures of a folder (such as Set14/LR_bicubic/X2), the largest and
the mean difference between the tiled and the whole result, in levels of 255, and the time as a
multiple of the whole's. It does so for separate tiles, for tiles that share the context gathered in
1 and in 2 sweeps, and for tiles that run together (exact, with halos as wide as the network's
reach, unless --halo is given). A model is a shipped name, a weight file, or a size from the
catalogue; sizes for which nothing is shipped get seeded weights that do something (`seeded.py`).

`--pictures` writes pictures to look at instead: OUT/MODEL.png shows, for flat gray, film grain and
lines at 45°, the whole result, the tiled one, and their difference, amplified 64 times around gray.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from patterns import PATTERNS
from seeded import seeded

import bigpicture as bp
from bigpicture.data.folders import images_in
from bigpicture.image import Picture, read, write
from bigpicture.infer.model import Model
from bigpicture.models.catalog import SIZES
from bigpicture.models.network import NetworkSettings
from bigpicture.shapes import Float, Tensor

SCALE = 2
FAMILIES = [
    "cran-light",
    "uhdn",
    "srgrn-light",
    "ciaosr-light",
    "rgt-light",
    "edsr-baseline",
    "rcan",
    "rdn-light",
    "swinir-light",
    "liif-light",
]
WAYS: dict[str, dict[str, Any]] = {
    "tile": {"context": "tile"},
    "shared, 1 sweep": {"sweeps": 1},
    "shared, 2 sweeps": {"sweeps": 2},
    "exact": {"context": "exact"},
}
_AMPLIFIED = 64
_SHOWN = 96, 160  # height and width of patterns, which make 2 × 3 tiles of 64


class Found(NamedTuple):
    """One picture's figures: differences in levels of 255, time as a multiple of the whole's."""

    most: float
    mean: float
    time: float


def model_of(name: str) -> Model:
    """Return a trained model if there is one, else a seeded network of a size."""
    shipped = {entry.name for entry in bp.list_models()}
    for known in (f"{name}-x{SCALE}", name):  # names of networks for any scale state none
        if known in shipped:
            return bp.load(known)
    if name not in SIZES:
        return bp.load(name)
    network = seeded(shorter(SIZES[name](SCALE)))
    return Model(network, network.limits, f"{name} (seeded)")


def shorter(settings: NetworkSettings) -> NetworkSettings:
    """Return RCAN with 12 of its 200 blocks, and other networks unchanged."""
    if settings.backbone.kind != "rcan" or getattr(settings.backbone, "groups", 0) < 10:
        return settings
    return replace(settings, backbone=replace(settings.backbone, groups=3, blocks=4))  # pyright: ignore[reportArgumentType]


def timed(model: Model, low: Float[Tensor, "3 h w"], **options: Any) -> tuple[Tensor, float]:  # noqa: ANN401 - those of `upscale`
    """Return the result and the seconds it took."""
    start = time.perf_counter()
    result = model.upscale(low, scale=SCALE, precision="fp32", **options)
    return result, time.perf_counter() - start


def measure(
    model: Model, low: Float[Tensor, "3 h w"], tile: int, halo: int | None
) -> dict[str, Found]:
    """Return the figures of each way of cutting a picture."""
    model.upscale(low[:, :32, :32])  # warm up
    whole, seconds = timed(model, low, tile="off")
    found = {}
    for way, options in WAYS.items():
        tiled, own = timed(model, low, tile=tile, halo=halo, **options)
        error = (tiled - whole).abs() * 255
        found[way] = Found(error.max().item(), error.mean().item(), own / seconds)
    return found


def row(name: str, found: list[dict[str, Found]]) -> str:
    """Return a table row: the largest and mean difference, and the median time, of all pictures."""
    cells = [name]
    for way in WAYS:
        most, means, times = zip(*(each[way] for each in found), strict=True)
        cells.append(f"{max(most):.4f}")
        cells.append(f"{statistics.mean(means):.5f}")
        cells.append(f"{statistics.median(times):.1f}×")
    return " | ".join(cells)


def sheet(model: Model, tile: int) -> Float[Tensor, "3 h w"]:
    """Return a row for each pattern: whole result, tiled result, and amplified difference."""
    rows = []
    for pattern in PATTERNS.values():
        low = pattern(*_SHOWN)
        whole, tiled = (model.upscale(low, scale=SCALE, tile=side) for side in ("off", tile))
        difference = 0.5 + _AMPLIFIED * (tiled - whole)
        rows.append(torch.cat([whole, tiled, difference.clamp(0, 1)], -1))
    return torch.cat(rows, -2)


def main() -> None:
    """Print a table with a line for each network, or write its pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--models", nargs="+", default=FAMILIES, metavar="NAME")
    parser.add_argument("--only", nargs="+", metavar="PICTURE", help="beginnings of names")
    parser.add_argument("--tile", type=int, default=64)
    parser.add_argument("--halo", type=int)
    parser.add_argument("--pictures", type=Path, metavar="OUT")
    arguments = parser.parse_args()
    if (arguments.folder is None) == (arguments.pictures is None):
        parser.error("give either a folder of pictures or --pictures OUT")
    if arguments.pictures is not None:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        for name in arguments.models:
            file = arguments.pictures / f"{Path(name).stem}.png"
            shown = sheet(model_of(name), arguments.tile).permute(1, 2, 0)
            write(Picture(shown.contiguous().numpy()).at_depth(8), file)
            print(file, flush=True)
        return
    wanted = tuple(arguments.only or [""])
    lows = {
        path.stem: read(path).colour_tensor()
        for path in images_in(arguments.folder)
        if path.stem.startswith(wanted)
    }
    if not lows:
        parser.error(f"{arguments.folder} has no picture whose name begins with {wanted}")
    print(f"{len(lows)} pictures: {', '.join(lows)}; max and mean in levels of 255, time ÷ whole's")
    print(f"network | {' | '.join(f'{way}: max | mean | time' for way in WAYS)}")
    print("--- | " + " | ".join(["---"] * 3 * len(WAYS)), flush=True)
    for name in arguments.models:
        model = model_of(name)
        found = [measure(model, low, arguments.tile, arguments.halo) for low in lows.values()]
        print(row(model.name, found), flush=True)


if __name__ == "__main__":
    main()
