"""Everything that a run needs to resume, in a file that is never half written.

    OUT/checkpoint.pt             the newest
    OUT/checkpoint-previous.pt    the one before, in case the newest is damaged

Everything random in a step (crops, degradations, dropped paths) is a function of seed and step, so
no generator's state needs to be kept.
"""

import os
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from bigpicture.image.save import remove_leftovers, saving
from bigpicture.models.network import Network
from bigpicture.train.adversary import Adversary
from bigpicture.weights.file import stored_settings

__all__ = ["Checkpoints", "Progress", "Run"]


class Run(NamedTuple):
    """The parts of a run that learn.

    Attributes:
        network: The network in training.
        average: Running average of its weights.
        optimiser: Adam and its averages.
        scaler: Scaler of the loss in fp16; disabled in other precisions.
        adversary: The discriminator, if there is one.
    """

    network: Network
    average: AveragedModel
    optimiser: Optimizer
    scaler: GradScaler
    adversary: Adversary | None = None

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Yield the parts that exist, by name."""
        return ((name, part) for name, part in self._asdict().items() if part is not None)


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        step: Steps done, including skipped ones.
        best: Best PSNR in dB of the average on the benchmark so far.
        skipped: Steps skipped because a number was not finite.
        recipe: The current recipe, without places; {} if a checkpoint does not state it.
        changes: Where the run was resumed with another recipe, see `bigpicture.train.changes`:
            {"step": 9000, "keys": {"optimiser.steps": [20000, 12000]}}, old and new value.
    """

    step: int = 0
    best: float = 0.0
    skipped: int = 0
    recipe: dict[str, Any] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)


class Checkpoints:
    """The checkpoints of a run's folder.

    Args:
        folder: Folder of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.newest = folder / "checkpoint.pt"
        self.previous = folder / "checkpoint-previous.pt"
        self._damaged = False  # whether the newest was found to be, and is not worth keeping

    def exist(self) -> bool:
        """Return whether there is a checkpoint to resume from."""
        return self.newest.exists() or self.previous.exists()

    def save(self, run: Run, progress: Progress) -> None:
        """Write a checkpoint, and keep the one before if it is sound."""
        remove_leftovers(self.newest.parent)
        states = {name: part.state_dict() for name, part in run.parts()}
        with saving(self.newest) as file:
            torch.save(states | asdict(progress), file)
            file.flush()
            os.fsync(file.fileno())  # on disk before any older one is given up
            if self.newest.exists() and not self._damaged:
                self.newest.replace(self.previous)
        self._damaged = False

    def restore(self, run: Run) -> Progress:
        """Load the newest undamaged checkpoint into `run`; return its progress.

        Raises:
            ValueError: If none is undamaged, or it does not fit `run`; the message names the file.
        """
        damaged = []
        for path in (self.newest, self.previous):
            if not path.exists():
                continue
            try:
                content = _read(path)
            except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
                damaged.append(f"{path} is damaged ({error})")
                self._damaged |= path == self.newest
                continue
            if damaged:
                warnings.warn(f"{damaged[0]}; going on from {path}", stacklevel=2)
            return _load(path, content, run)
        raise ValueError(f"{'; '.join(damaged)}; begin in another --out folder")


def _read(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not notice changed bits
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
        if missing := parts.keys() - content.keys():
            raise ValueError(f"it has no {', '.join(sorted(missing))}")
        for name, part in parts.items():
            if content[name] or name != "scaler":  # a disabled one has no state; a new one begins
                _keep_settings(part, content[name])
                part.load_state_dict(content[name])
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path}: not a checkpoint of this recipe ({error}); begin in another --out folder"
        ) from error
    return progress


def _keep_settings(part: object, state: dict[str, Any]) -> None:
    """Replace the settings in the state of a part by its own, which are those of the recipe."""
    settings = stored_settings(part) if isinstance(part, nn.Module) else {}
    state.update({key: value for key, value in settings.items() if key in state})
