"""What happens at a step whose loss or gradient is no finite number: it is skipped, up to a limit.

    OUT/skipped/step-N.safetensors    low, target and points of the batch, the losses as metadata

Such a step changes no weight. One that comes from a rare batch does no harm; many come from weights
that are lost, and the run is stopped while its last checkpoint is still sound.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.torch import save_file

from bigpicture.data.batch import Batch
from bigpicture.train.checkpoint import Progress

__all__ = ["Guard"]


class Guard:
    """Counts skipped steps, keeps their batches, and stops a run that has too many.

    Args:
        folder: Where batches are written.
        limit: How many steps may be skipped.
        process: Which of how many processes this is; each keeps its share of a batch.
    """

    def __init__(self, folder: Path, limit: int, process: tuple[int, int] = (0, 1)) -> None:
        self.folder, self.limit = folder, limit
        index, count = process
        self._suffix = f"-process-{index}" if count > 1 else ""

    def skip(
        self, progress: Progress, batch: Batch, losses: Mapping[str, float], broken: Sequence[str]
    ) -> str:
        """Note that the step which has just been done was skipped; return what to say of it.

        Args:
            progress: Of the run, whose count goes up.
            batch: What the step was given.
            losses: What came out, by name.
            broken: Which of them, or what else, was no finite number.

        Raises:
            FloatingPointError: If that was one too many.
        """
        progress.skipped += 1
        file = self._keep(progress.step, batch, losses)
        said = (
            f"step {progress.step} was skipped: {', '.join(broken)} not finite "
            f"({progress.skipped} skipped so far); its batch is in {file}"
        )
        if progress.skipped > self.limit:
            raise FloatingPointError(
                f"{said}. More than watch.skips = {self.limit}: look at the batch; to go on from "
                "the last checkpoint, give --resume and a lower optimiser.rate, or optimiser.clip"
            )
        return said

    def _keep(self, step: int, batch: Batch, losses: Mapping[str, float]) -> Path:
        tensors = {"low": batch.low, "target": batch.target}
        if batch.points is not None:
            tensors |= batch.points._asdict()
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"step-{step}{self._suffix}.safetensors"
        facts = {"step": str(step), "losses": json.dumps({k: str(v) for k, v in losses.items()})}
        save_file({name: each.cpu().contiguous() for name, each in tensors.items()}, file, facts)
        return file
