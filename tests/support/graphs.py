"""A module as a graph, held to the module itself: exported for other sizes, and compiled.

To be run in a process of its own, see the fixture `assert_traces`: the checks of annotated shapes,
which tests turn on, cannot be traced.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Graphs:
    """What is made of a module, and where it is compared.

    Attributes:
        example: What it is exported at.
        sizes: Other heights and widths, at which what was exported is compared.
        batch: What it is compiled for.
        sides: The least and the most that the exported module may take; one dimension each.
        axes: Where an input's height and width stand.
        autocast: Whether it is compiled in bfloat16 too.
        backward: Whether what its parameters learn is compared too.
        tolerance: Absolute and relative, if not what the type's rounding makes usual.
    """

    example: Tensor
    sizes: Sequence[tuple[int, int]]
    batch: Tensor
    sides: tuple[int, int] = (4, 512)
    axes: tuple[int, int] = (2, 3)
    autocast: bool = False
    backward: bool = False
    tolerance: float | None = None


def hold(pickled: bytes) -> None:
    """Hold a module's graphs to it: pickled are the module and its `Graphs`."""
    module, graphs = pickle.loads(pickled)
    torch.manual_seed(0)
    torch._dynamo.reset()
    _exports(module, graphs)
    _compiles(module, graphs)


def _exports(module: nn.Module, graphs: Graphs) -> None:
    least, most = graphs.sides
    sides = {axis: torch.export.Dim(f"side{axis}", min=least, max=most) for axis in graphs.axes}
    exported = torch.export.export(module, (graphs.example,), dynamic_shapes=(sides,)).module()
    for size in graphs.sizes:
        shape = list(graphs.example.shape)
        for axis, side in zip(graphs.axes, size, strict=True):
            shape[axis] = side
        x = torch.rand(shape, dtype=graphs.example.dtype)
        _same(exported, module, x, graphs)


def _compiles(module: nn.Module, graphs: Graphs) -> None:
    # only the second makes a graph of the backward pass
    backend = "aot_eager" if graphs.backward else "eager"
    compiled = torch.compile(module, backend=backend, fullgraph=True)
    _same(compiled, module, graphs.batch, graphs)
    if graphs.backward:
        learned = (_learned(graph, module, graphs) for graph in (compiled, module))
        _close(*learned, graphs)
    if graphs.autocast:
        with torch.autocast("cpu", torch.bfloat16):
            _same(compiled, module, graphs.batch, graphs)


def _learned(graph: nn.Module, module: nn.Module, graphs: Graphs) -> tuple[Tensor | None, ...]:
    loss = graph(graphs.batch).sub(0.5).square().sum()
    return torch.autograd.grad(loss, list(module.parameters()), allow_unused=True)


def _same(graph: nn.Module, module: nn.Module, x: Tensor, graphs: Graphs) -> None:
    _close(graph(x), module(x), graphs)


def _close(found: object, expected: object, graphs: Graphs) -> None:
    tolerance = graphs.tolerance
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)
