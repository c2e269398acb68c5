"""Everything that a run needs to go on, in a file that is never half written.

    OUT/checkpoint.pt             the newest
    OUT/checkpoint-previous.pt    the one before, in case the newest is found damaged

What chance decides at a step (crops, degradations, dropped paths) is a function of seed and step,
so that no generator's state needs to be kept.
"""

import pickle
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from bigpicture.image.save import remove_leftovers, saving
from bigpicture.models.network import Network
from bigpicture.train.adversary import Adversary

__all__ = ["Checkpoints", "Progress", "Run"]


class Run(NamedTuple):
    """The parts of a run that learn.

    Attributes:
        network: What is trained.
        average: Of its weights, over the steps.
        optimiser: Adam and its averages.
        scaler: Of losses in fp16; off in other numbers.
        adversary: The discriminator, where there is one.
    """

    network: Network
    average: AveragedModel
    optimiser: Optimizer
    scaler: GradScaler
    adversary: Adversary | None = None

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Yield those that there are, by name."""
        return ((name, part) for name, part in self._asdict().items() if part is not None)


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        step: Steps that are done, skipped ones as well.
        best: The best PSNR in dB that the average has had on the benchmark.
        skipped: Steps that were skipped because of a number that was not finite.
        recipe: What it goes by, without places; {} where a checkpoint does not state it.
        changes: Where it went on by another recipe than before, see `bigpicture.train.changes`:
            {"step": 9000, "keys": {"optimiser.steps": [20000, 12000]}}, both values.
    """

    step: int = 0
    best: float = 0.0
    skipped: int = 0
    recipe: dict[str, Any] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)


class Checkpoints:
    """The checkpoints of a run's folder.

    Args:
        folder: The run's.
    """

    def __init__(self, folder: Path) -> None:
        self.newest = folder / "checkpoint.pt"
        self.previous = folder / "checkpoint-previous.pt"

    def exist(self) -> bool:
        """Return whether there is something to go on from."""
        return self.newest.exists() or self.previous.exists()

    def save(self, run: Run, progress: Progress) -> None:
        """Write a checkpoint, and keep the last one."""
        remove_leftovers(self.newest.parent)
        states = {name: part.state_dict() for name, part in run.parts()}
        with saving(self.newest) as file:
            torch.save(states | asdict(progress), file)
            if self.newest.exists():
                self.newest.replace(self.previous)

    def restore(self, run: Run) -> Progress:
        """Load the newest checkpoint that is whole into `run`; return how far it had come.

        Raises:
            ValueError: If none is whole, or it is none of such a run; it is named.
        """
        damaged = []
        for path in (self.newest, self.previous):
            if not path.exists():
                continue
            try:
                content = _read(path)
            except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
                damaged.append(f"{path} is damaged ({error})")
                continue
            if damaged:
                warnings.warn(f"{damaged[0]}; going on from {path}", stacklevel=2)
            return _load(path, content, run)
        raise ValueError(f"{'; '.join(damaged)}; begin in another --out folder")


def _read(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:  # torch reads on where bits have changed
            broken = archive.testzip()
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    if broken is not None:
        raise ValueError(f"{broken} in it has changed since it was written")
    return torch.load(path, map_location="cpu", weights_only=True)


def _load(path: Path, content: dict[str, Any], run: Run) -> Progress:
    parts = dict(run.parts())
    known = {each.name for each in fields(Progress)}
    progress = Progress(**{name: content.pop(name) for name in known & content.keys()})
    try:
        if extra := content.keys() - parts.keys():
            raise ValueError(f"it has {', '.join(sorted(extra))} as well")
        for name, part in parts.items():
            part.load_state_dict(content.get(name, {}))
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path}: not a checkpoint of this recipe ({error}); begin in another --out folder"
        ) from error
    return progress
