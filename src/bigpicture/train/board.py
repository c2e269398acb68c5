"""Curves and pictures in TensorBoard, if it is installed."""

from pathlib import Path

from bigpicture.shapes import Float, Tensor

__all__ = ["Board"]


class Board:
    """Curves and pictures of a run.

    Args:
        folder: Where to write them; nothing is written if it is None or TensorBoard is missing.
        first: Step that the run starts at; what an earlier run wrote for later steps is hidden.

    Attributes:
        missing: Why TensorBoard cannot be used, "" if it can.
    """

    def __init__(self, folder: Path | None, first: int) -> None:
        self._writer = None
        self._shown: set[str] = set()
        self.missing = ""
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            self.missing = str(error)
            return
        self._writer = SummaryWriter(str(folder), purge_step=first + 1)

    def values(self, values: dict[str, float] | dict[str, int], step: int) -> None:
        """Add a point to the curve of each value."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def picture(self, name: str, picture: Float[Tensor, "1 c H W"], step: int) -> None:
        """Show a picture in [0, 1]."""
        if self._writer is not None:
            levels = (picture[0].float().clamp(0, 1) * 255).round().byte().cpu()
            self._writer.add_image(name, levels.expand(3, -1, -1), step)

    def once(self, name: str, picture: Float[Tensor, "1 c H W"]) -> None:
        """Show a picture that never changes, only the first time."""
        if name not in self._shown:
            self._shown.add(name)
            self.picture(name, picture, 0)

    def close(self) -> None:
        """Write what has not been written yet."""
        if self._writer is not None:
            self._writer.close()
