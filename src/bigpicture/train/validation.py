"""Validation in training, by the code behind `bigpicture evaluate`, in full float32."""

from collections.abc import Callable

from torch import nn

from bigpicture.data.benchmarks import Benchmark
from bigpicture.evaluate.look_through import look_through as look_through_pictures
from bigpicture.evaluate.run import Report, Restored, compare
from bigpicture.infer.gray import restore_any_colours
from bigpicture.infer.memory import advising
from bigpicture.infer.precision import repeatably
from bigpicture.metrics.protocol import PROTOCOLS
from bigpicture.models.contract import Limits
from bigpicture.shapes import Tensor
from bigpicture.train.recipe import Recipe

__all__ = ["look_through", "validate"]


def look_through(benchmark: Benchmark, recipe: Recipe) -> None:
    """Read every picture, so that any that cannot be scored is found before a run begins.

    Raises:
        ValueError: If there are any; all are named.
    """
    look_through_pictures(benchmark, PROTOCOLS[recipe.watch.protocol])


@advising(
    "validation, which takes pictures whole,",
    "give a watch.benchmark of smaller pictures, or none (--set watch.benchmark=) and score the "
    "weights with `bigpicture evaluate` afterwards",
)
def validate(
    network: nn.Module,
    limits: Limits,
    benchmark: Benchmark,
    recipe: Recipe,
    watch: Callable[[Restored], None] | None = None,
) -> Report:
    """Score a network on a benchmark.

    Args:
        network: The network to score; it keeps its mode.
        limits: Limits of the network.
        benchmark: The pictures.
        recipe: States the scale and the protocol.
        watch: Called with each picture, restored and scored.

    Raises:
        ValueError: If a picture does not fit into memory.
    """
    device, scale = next(network.parameters()).device, recipe.validation_scale

    def restore(low: Tensor) -> Tensor:
        size = (low.shape[-2] * scale, low.shape[-1] * scale)
        return restore_any_colours(network, limits, low.to(device), size)

    learning = network.training
    network.eval()
    protocol = PROTOCOLS[recipe.watch.protocol]
    models = {recipe.name: restore}
    with repeatably(device):
        report = compare(models, benchmark, scale=scale, protocol=protocol, watch=watch)[0]
    network.train(learning)
    return report
