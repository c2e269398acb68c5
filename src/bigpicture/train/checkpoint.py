"""Everything that a run needs to go on, in one file that is never half written."""

import os
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from bigpicture.models.network import Network

__all__ = ["Run", "restore", "save"]


class Run(NamedTuple):
    """The parts of a run that change."""

    network: Network
    average: AveragedModel
    optimiser: Optimizer


def save(path: Path, run: Run, step: int, best: float) -> None:
    """Write a checkpoint: to another name first, then renamed."""
    content = {name: part.state_dict() for name, part in run._asdict().items()}
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as file:
        torch.save({**content, "step": step, "best": best}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def restore(path: Path, run: Run) -> tuple[int, float]:
    """Load a checkpoint into `run`; return the step to go on with, and the best score so far.

    Raises:
        ValueError: If the file is no checkpoint of such a run; it is named.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        for name, part in run._asdict().items():
            part.load_state_dict(content[name])
        return content["step"], content["best"]
    except (pickle.UnpicklingError, KeyError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(
            f"{path}: not a checkpoint of this recipe ({error}); "
            "start in another --out folder, or without --resume"
        ) from error
