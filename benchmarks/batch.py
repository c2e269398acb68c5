"""Measure the share of a batch's time in which the network runs, and what overlapping saves.

    python benchmarks/batch.py FOLDER [--count 100] [--side 128] [--model uhdn-x2] [--device auto]

Cuts small pictures out of those in a folder and enlarges them as `bigpicture upscale` does. Prints
two shares of the wall time from the first to the last picture: that in which the network itself
ran, and that in which a picture was computed (including conversion to tensors and back). Also
prints the seconds taken, and those that reading, computing and writing in turn would take.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

import bigpicture as bp
from bigpicture.app.batch import Run
from bigpicture.app.jobs import Naming, plan
from bigpicture.app.restore import Restoring
from bigpicture.data.folders import images_in
from bigpicture.image import FORMATS, Picture, read, write
from bigpicture.infer.model import Model


class Watch:
    """Counts the seconds in which a network runs."""

    def __init__(self, model: Model) -> None:
        self.seconds = 0.0
        self._device = model.device
        model.network.register_forward_pre_hook(lambda *_: self._begin())
        model.network.register_forward_hook(lambda *_: self._end())

    def _begin(self) -> None:
        self._wait()
        self._since = time.perf_counter()

    def _end(self) -> None:
        self._wait()
        self.seconds += time.perf_counter() - self._since

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def cut(folder: Path, into: Path, count: int, side: int, suffix: str) -> None:
    """Write `count` squares, cut from the pictures of a folder, into another folder."""
    pictures = [read(path) for path in images_in(folder)]
    places = [
        (picture, top, left)
        for picture in pictures
        for top in range(0, picture.height - side + 1, side // 2)
        for left in range(0, picture.width - side + 1, side // 2)
    ]
    if not places:
        raise SystemExit(f"{folder} has no picture of {side} × {side} pixels")
    for number in range(count):
        picture, top, left = places[number * len(places) // count % len(places)]
        part = picture.colour[top : top + side, left : left + side]
        write(Picture(part), into / f"{number:04}{suffix}")


def main() -> None:
    """Print the shares and the seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--suffix", default=".png")
    parser.add_argument("--model", default="uhdn-x2")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    model = bp.load(arguments.model).to(arguments.device)
    with tempfile.TemporaryDirectory() as made:
        low = Path(made) / "in"
        low.mkdir()
        cut(arguments.folder, low, arguments.count, arguments.side, arguments.suffix)
        model.upscale(read(next(low.iterdir())))  # warm up: the first run costs more
        naming = Naming(Path(made) / "out", "_high", None, frozenset(FORMATS))
        watch = Watch(model)
        outcome = Run(Restoring(model))(plan([low], naming))
    apart = sum(item.seconds for item in outcome.items)
    done = sum(item.status == "done" for item in outcome.items)
    print(f"{done} pictures of {arguments.side} × {arguments.side}, {model!r}")
    print(f"network running {watch.seconds / outcome.seconds:.1%} of the time")
    print(f"computing       {outcome.computing / outcome.seconds:.1%}")
    print(f"{outcome.seconds:.2f} s; reading, computing and writing in turn: {apart:.2f} s")


if __name__ == "__main__":
    main()
