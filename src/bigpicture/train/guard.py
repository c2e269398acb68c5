"""Skipping of steps whose loss or gradient is not finite, up to a limit.

    OUT/skipped/step-N.safetensors    low, target and points of the batch, the losses as metadata

Such a step changes no weights. One that comes from a rare batch does no harm; many mean that the
weights have diverged, and the run is stopped while its last checkpoint is still sound.
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
        process: Index of this process and the number of processes; each keeps its share of a batch.
    """

    def __init__(self, folder: Path, limit: int, process: tuple[int, int] = (0, 1)) -> None:
        self.folder, self.limit = folder, limit
        index, count = process
        self._suffix = f"-process-{index}" if count > 1 else ""

    def skip(
        self, progress: Progress, batch: Batch, losses: Mapping[str, float], broken: Sequence[str]
    ) -> str:
        """Record that the last step was skipped; return a line to report.

        Args:
            progress: Progress of the run, whose count of skipped steps goes up.
            batch: Batch of the step.
            losses: Losses of the step, by name.
            broken: Names of the losses that are not finite, or of what else is not.

        Raises:
            FloatingPointError: If more than `limit` steps have been skipped.
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
                "the last checkpoint, give --resume and a lower optimiser.rate, or optimiser.clip, "
                "and a higher watch.skips if steps were skipped before that checkpoint"
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
