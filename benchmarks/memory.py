"""Measure peak memory and speed of `bigpicture upscale` on large pictures, each in its own process.

    python benchmarks/memory.py [--megapixels 4 100 4 4] [--limit 3G] [--slower 0.15]
                                [--context shared]

Makes square 8-bit RGB TIFFs of copies of a picture. Prints for each size: the peak memory of the
process (VmHWM: all resident memory, mapped files included), the seconds for reading, computing and
writing, and these per megapixel of the picture; then how the largest size compares with the
smallest, by the medians of their seconds per megapixel. A size may be given several times, in any
order: the speed of a machine drifts, so measure the smallest before and after the largest. All are
computed with the same options, by default in tiles of 1 GiB: a picture that is not cut is computed
once and not three times, so its time would say nothing about the larger ones.

The exit status is 1 if the peak exceeds `--limit`, or if the largest size takes longer per
megapixel than the smallest by more than `--slower`. Besides the result, the disk needs room for it
once more and for the picture twice, all uncompressed: 1.8 GB at 100 megapixels ×2.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyvips

from bigpicture.infer.memory import in_bytes

_SAMPLE = Path(__file__).parents[1] / "samples" / "astronaut.png"
_COMMAND = "from bigpicture.app.cli import main; main()"
_PAUSE = 0.02  # seconds


@dataclass(frozen=True)
class Run:
    """The measurements of one size.

    Attributes:
        megapixels: Size of the input.
        peak: Peak memory in bytes.
        seconds: Seconds for reading, computing and writing.
        tiles: Number of tiles that were computed.
    """

    megapixels: float
    peak: int
    seconds: float
    tiles: int

    @property
    def pace(self) -> float:
        """Seconds per megapixel."""
        return self.seconds / self.megapixels

    def __str__(self) -> str:
        return (
            f"{self.megapixels:7.1f} megapixels  {self.peak / 2**20:7.0f} MiB  "
            f"{self.seconds:8.1f} s  {self.pace:7.2f} s per megapixel  {self.tiles} tiles"
        )


def main() -> int:
    """Enlarge a picture of each size; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[4, 100, 4, 4])
    parser.add_argument("--model", default="uhdn-x2")
    parser.add_argument("--context", default="shared", choices=["shared", "exact", "tile"])
    parser.add_argument("--memory", default="1G", help="limit for tiles; auto: by what is free")
    parser.add_argument("--folder", type=Path, help="working folder; default: a temporary one")
    parser.add_argument("--limit", default="3G", help="highest peak allowed, such as 3G")
    parser.add_argument("--slower", type=float, default=0.15, help="allowed slowdown, a share")
    parser.add_argument("--sample", type=Path, default=_SAMPLE, help="picture to make copies of")
    parser.add_argument("options", nargs="*", help="after --: other options of `upscale`")
    given = parser.parse_args()
    options = ["--model", given.model, "--context", given.context, *given.options]
    options += [] if given.memory == "auto" else ["--memory", given.memory]
    runs = []
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for megapixels in given.megapixels:
            runs.append(run(Path(folder), megapixels, given.sample, options))
            print(runs[-1], flush=True)
    peak, slower = max(own.peak for own in runs), pace_of(max, runs) / pace_of(min, runs) - 1
    print(f"peak {peak / 2**30:.2f} GiB; the largest size takes {slower:+.1%} for each megapixel")
    return int(peak > in_bytes(given.limit) or slower > given.slower)


def pace_of(which: Callable[[list[float]], float], runs: list[Run]) -> float:
    """Return the median pace of the largest or the smallest size."""
    size = which([own.megapixels for own in runs])
    return statistics.median(own.pace for own in runs if own.megapixels == size)


def run(folder: Path, megapixels: float, sample: Path, options: list[str]) -> Run:
    """Enlarge a picture of a given size in its own process."""
    side = round(math.sqrt(megapixels * 1e6))
    picture, report = folder / f"{side}.tif", folder / f"{side}.json"
    make(picture, side, sample)
    out = folder / f"{side}_high.tif"
    arguments = ["upscale", str(picture), "-o", str(out), "--json", str(report), *options]
    peak = peak_of([sys.executable, "-c", _COMMAND, *arguments])
    (item,) = json.loads(report.read_text("utf-8"))["items"]
    picture.unlink()
    out.unlink()
    return Run(side * side / 1e6, peak, item["seconds"], item["tiles"])


def make(path: Path, side: int, sample: Path) -> None:
    """Write an uncompressed square TIFF of copies of a picture."""
    one = pyvips.Image.new_from_file(str(sample)).colourspace("srgb").extract_band(0, n=3)
    across, down = (math.ceil(side / length) for length in (one.width, one.height))
    one.replicate(across, down).crop(0, 0, side, side).tiffsave(str(path))


def peak_of(command: list[str]) -> int:
    """Run a process and return its peak memory in bytes, as Linux reports it while it runs.

    Linux no longer reports it after the process has ended, and the figure that a parent gets for
    its child starts with the parent's own peak. So it is polled all the time.
    """
    process, peak = subprocess.Popen(command), 0
    while process.poll() is None:
        peak = max(peak, _held(process.pid))
        time.sleep(_PAUSE)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return peak


def _held(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0  # the process has just ended
    lines = (line.split() for line in status.splitlines() if line.startswith("VmHWM:"))
    return next((int(line[1]) * 1024 for line in lines), 0)


if __name__ == "__main__":
    sys.exit(main())
