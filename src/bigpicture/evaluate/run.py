"""Restore every picture of a benchmark and score it: the one loop behind every printed number.

    restore, (name, low, reference) … ──▶ Report: the scores of each picture and their means

Training validates with this same function, so a score seen in training is the score in the table.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from bigpicture.data.benchmarks import Pair
from bigpicture.metrics.protocol import Protocol
from bigpicture.shapes import Tensor

Restore = Callable[[Tensor], Tensor]
"""An LR picture (1, c, h, w) in [0, 1] ↦ the restored one (1, c, H, W), on any device.

It gets each picture with the channels of its file and returns as many: a network of three channels
is shown a gray picture three times, and the mean of what it returns is the restored gray.
"""


@dataclass(frozen=True)
class ImageScore:
    """The scores of one picture, by metric: "psnr" in dB, "ssim"."""

    name: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Report:
    """What a model scored on a benchmark, and how that was measured.

    Attributes:
        model: The model's name.
        scale: Enlargement of each side.
        protocol: Name of the protocol behind every number.
        images: Each picture's scores, in the order of the benchmark.
    """

    model: str
    scale: int | float
    protocol: str
    images: tuple[ImageScore, ...]

    @property
    def mean(self) -> dict[str, float]:
        """The arithmetic mean over the pictures, by metric.

        >>> one, two = (ImageScore(n, {"psnr": v}) for n, v in [("a", 30.0), ("b", 32.0)])
        >>> Report("bicubic", 2, "sr-y", (one, two)).mean
        {'psnr': 31.0}
        """
        metrics = self.images[0].scores
        count = len(self.images)
        return {m: sum(image.scores[m] for image in self.images) / count for m in metrics}

    def to_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes; the infinite PSNR of equal pictures is None there."""
        return {
            "model": self.model,
            "scale": self.scale,
            "protocol": self.protocol,
            "mean": _finite(self.mean),
            "images": [{"name": image.name, **_finite(image.scores)} for image in self.images],
        }


def evaluate(
    restore: Restore,
    pairs: Iterable[Pair],
    *,
    scale: int | float,
    protocol: Protocol,
    model: str = "model",
    progress: Callable[[ImageScore], None] | None = None,
) -> Report:
    """Restore and score each picture, without gradients.

    Args:
        restore: What is evaluated; already in evaluation mode.
        pairs: The pictures, such as a `Benchmark`, read one at a time.
        scale: Enlargement of each side, which decides the protocol's border.
        protocol: How restored picture and reference are compared.
        model: What the report calls `restore`.
        progress: Called with each picture's scores as soon as they are known.

    Raises:
        ValueError: If there are no pictures, or a restored picture cannot be compared with its
            reference; the error names it.
    """
    images: list[ImageScore] = []
    for name, low, reference in pairs:
        with torch.no_grad():
            restored = restore(low[None])
        try:
            scores = protocol.score(restored, reference[None].to(restored.device), scale)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        images.append(ImageScore(name, scores))
        if progress is not None:
            progress(images[-1])
    if not images:
        raise ValueError("pairs is empty; give at least one picture to evaluate")
    return Report(model, scale, protocol.name, tuple(images))


def _finite(scores: dict[str, float]) -> dict[str, float | None]:
    return {m: value if math.isfinite(value) else None for m, value in scores.items()}
