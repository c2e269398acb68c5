"""Restore every picture of a benchmark and score it: the one loop behind every printed number.

    restore, (name, low, reference) … ──▶ Report: the scores of each picture and their means

Training validates with this same function, so a score seen in training is the score in the table.
Several models are compared in one pass: each picture is read and downsampled once. While a picture
is restored, the next is read and the previous one scored, which does not change the scores.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from bigpicture.compute.allocation import memory_kept
from bigpicture.data.benchmarks import Benchmark, Pair
from bigpicture.metrics.catalog import PERCEPTUAL
from bigpicture.metrics.protocol import Protocol
from bigpicture.shapes import Float, Tensor

Restore = Callable[[Tensor], Tensor]
"""An LR picture (1, c, h, w) in [0, 1] ↦ the restored one (1, c, H, W), on any device.

It gets each picture with the channels of its file and returns as many: a network of three channels
is given a gray picture as three equal channels, and the mean of its output is the restored gray.
"""


class ScoreWarning(UserWarning):
    """A score has no value; the message says which and why."""


@dataclass(frozen=True)
class ImageScore:
    """The scores of one picture by metric: "psnr" in dB, "ssim", and others."""

    name: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Report:
    """A model's scores on a benchmark, and how they were measured.

    Attributes:
        model: Name of the model.
        scale: Enlargement of each side.
        protocol: Name of the protocol behind PSNR and SSIM, "none" if neither was measured.
        images: Scores of each picture, in the order of the benchmark.
        benchmark: Name of the set, empty if it has none.
        degradation: Name of what made the low-resolution pictures, None if unknown.
    """

    model: str
    scale: int | float
    protocol: str
    images: tuple[ImageScore, ...]
    benchmark: str = ""
    degradation: str | None = None

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
        """Return an object for `json.dumps`, where the infinite PSNR of equal pictures is None."""
        of = {"benchmark": self.benchmark, "degradation": self.degradation}
        return {
            "model": self.model,
            "scale": self.scale,
            "protocol": self.protocol,
            "mean": finite_or_none(self.mean),
            "images": [
                {"name": image.name, **finite_or_none(image.scores)} for image in self.images
            ],
            **(of if self.benchmark else {}),
        }


class Restored(NamedTuple):
    """A picture of a benchmark, with each model's restored picture and scores."""

    pair: Pair
    pictures: dict[str, Float[Tensor, "1 c H W"]]
    scores: dict[str, ImageScore]


def evaluate(
    restore: Restore,
    pairs: Iterable[Pair],
    *,
    scale: int | float,
    protocol: Protocol | None,
    metrics: Sequence[str] = (),
    model: str = "model",
    progress: Callable[[ImageScore], None] | None = None,
) -> Report:
    """Restore and score each picture, without gradients.

    Args:
        restore: The model to evaluate, already in evaluation mode.
        pairs: The pictures, such as a `Benchmark`, read one at a time.
        scale: Enlargement of each side, which decides the protocol's border.
        protocol: How PSNR and SSIM compare restored picture and reference; None measures neither.
        metrics: Other metrics, keys of `bigpicture.metrics.catalog.PERCEPTUAL`, measured on whole
            pictures in 8 bits.
        model: Name of the model in the report.
        progress: Called with each picture's scores as soon as they are known.

    Raises:
        ValueError: If there are no pictures, there is nothing to measure, or a picture cannot be
            restored or compared with its reference; the error names it.
    """

    def watch(restored: Restored) -> None:
        if progress is not None:
            progress(restored.scores[model])

    models = {model: restore}
    return compare(models, pairs, scale=scale, protocol=protocol, metrics=metrics, watch=watch)[0]


def compare(
    models: Mapping[str, Restore],
    pairs: Iterable[Pair],
    *,
    scale: int | float,
    protocol: Protocol | None,
    metrics: Sequence[str] = (),
    watch: Callable[[Restored], None] | None = None,
) -> list[Report]:
    """Restore and score each picture with each model, without gradients.

    Args:
        models: The models to evaluate, by their names in the reports.
        pairs: The pictures, such as a `Benchmark`, read one at a time in their order.
        scale: Enlargement of each side, which decides the protocol's border.
        protocol: How PSNR and SSIM compare restored picture and reference; None measures neither.
        metrics: Other metrics, keys of `bigpicture.metrics.catalog.PERCEPTUAL`, measured on whole
            pictures in 8 bits.
        watch: Called with each picture, its results and its scores, in the order of `pairs`.

    Returns:
        A report for each model, in their order.

    Raises:
        ValueError: If there are no models or pictures, there is nothing to measure, or a picture
            cannot be restored or compared with its reference; the error names it.

    Warns:
        ScoreWarning: If a picture has no value of one of `metrics`, as NIQE and BRISQUE have none
            where there is no texture.
    """
    if not models:
        raise ValueError("models is empty; give at least one to evaluate")
    if protocol is None and not metrics:
        raise ValueError("protocol is None and metrics is empty; give one of them, or both")
    images: dict[str, list[ImageScore]] = {model: [] for model in models}
    for restored in _overlapped(models, pairs, _Measure(protocol, tuple(metrics), scale)):
        for model, score in restored.scores.items():
            _warn_of_missing(model, score)
            images[model].append(score)
        if watch is not None:
            watch(restored)
    if not any(images.values()):
        raise ValueError("pairs is empty; give at least one picture to evaluate")
    name = "none" if protocol is None else protocol.name
    of = (pairs.name, pairs.degradation) if isinstance(pairs, Benchmark) else ("", None)
    return [Report(model, scale, name, tuple(found), *of) for model, found in images.items()]


@dataclass(frozen=True)
class _Measure:
    """Measures each restored picture."""

    protocol: Protocol | None
    metrics: tuple[str, ...]
    scale: int | float

    def __call__(self, pair: Pair, pictures: dict[str, Tensor]) -> Restored:
        try:
            scores = {m: ImageScore(pair.name, self._of(p, pair)) for m, p in pictures.items()}
        except ValueError as error:
            raise ValueError(f"{pair.name}: {error}") from error
        return Restored(pair, pictures, scores)

    def _of(self, restored: Float[Tensor, "1 c H W"], pair: Pair) -> dict[str, float]:
        scores: dict[str, float] = {}
        high = pair.reference
        reference = None if high is None else high[None].to(restored.device)
        if self.protocol is not None:
            if reference is None:
                raise ValueError("has no reference; measure what needs none, such as niqe")
            scores = self.protocol.score(restored, reference, self.scale)
        for name in self.metrics:
            metric = PERCEPTUAL[name]
            compared = [restored, *([reference] if metric.needs_reference else [])]
            if any(picture is None for picture in compared):
                raise ValueError(f"has no reference, which {name} needs")
            # gray as three channels, for metrics whose network takes RGB
            levels = [
                (p.clamp(0, 1) * 255).round().div(255).expand(-1, 3, -1, -1) for p in compared
            ]
            scores[name] = metric.measure(*levels).item()
        return scores


def _warn_of_missing(model: str, score: ImageScore) -> None:
    for metric, value in score.scores.items():
        if math.isnan(value) and metric in PERCEPTUAL:
            warnings.warn(
                f"{score.name}: {metric} has no value for the picture of {model}, as where "
                "there is no texture; so the mean over the set has none either",
                ScoreWarning,
                stacklevel=3,
            )


def _overlapped(
    models: Mapping[str, Restore], pairs: Iterable[Pair], measure: _Measure
) -> Iterator[Restored]:
    """Yield each picture, restored and scored, while the next ones are being processed."""
    source = iter(pairs)
    # One thread each: pictures are read in order, and few of them are in memory at once.
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as scorer, memory_kept:
        upcoming = reader.submit(next, source, None)
        scoring: Future[Restored] | None = None
        while (pair := upcoming.result()) is not None:
            upcoming = reader.submit(next, source, None)
            try:
                with torch.no_grad():
                    pictures = {model: restore(pair.low[None]) for model, restore in models.items()}
            except ValueError as error:
                raise ValueError(f"{pair.name}: {error}") from error
            last, scoring = scoring, scorer.submit(measure, pair, pictures)
            if last is not None:
                yield last.result()
        if scoring is not None:
            yield scoring.result()


def finite_or_none(scores: Mapping[str, int | float]) -> dict[str, int | float | None]:
    """Replace infinite and NaN scores by None, because JSON has neither."""
    return {m: value if math.isfinite(value) else None for m, value in scores.items()}
