"""The law: the contexts of a picture's parts merge into the context of the whole."""

from functools import reduce
from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.context.contract import ContextOperator, Part, Span
from bigpicture.context.crac import CRACConv2d
from bigpicture.context.graph import GraphReasoning
from bigpicture.context.ikm import IKMConv2d
from bigpicture.context.non_local import CrossScaleAttention
from bigpicture.context.rg_sa import RecursiveGeneralizationAttention

OPERATORS = {
    "channel attention": lambda: ChannelAttention(4, reduction=2),
    "graph, widened": lambda: GraphReasoning(4, 8, nodes=3, reduction=2),
    "graph of sums": lambda: GraphReasoning(4, nodes=3, normalize=False),
    "ikm residual": lambda: IKMConv2d(4, 6),
    "ikm scaled": lambda: IKMConv2d(4, 6, threshold=0.1, form="scaled"),
    "ikm 5×5 dilated": lambda: IKMConv2d(4, 2, k=5, dilation=2),
    "ikm with a threshold for each layer": lambda: IKMConv2d(4, 6, threshold=(0.0, 0.1, 0.3)),
    "cross-scale attention": lambda: CrossScaleAttention(4),
    "cross-scale attention at three scales": lambda: CrossScaleAttention(4, (2, 3, 4)),
    "rg-sa": lambda: RecursiveGeneralizationAttention(4, 2).eval(),
    "rg-sa in training": lambda: RecursiveGeneralizationAttention(4, 2),
    "rg-sa without recursion": lambda: RecursiveGeneralizationAttention(4, 2, recursive=False),
    "crac": lambda: CRACConv2d(4, 6, groups=2),
    "crac without parts": lambda: CRACConv2d(4, 4, without=("cdrr", "f_a1")).eval(),
}


def spans(cuts: list[int], length: int, halo: int) -> list[Span]:
    """Return the spans between the cuts, in tiles that are up to `halo` pixels wider each way."""
    result = []
    for start, stop in pairwise([0, *cuts, length]):
        left, right = max(0, start - halo), min(length, stop + halo)
        result.append(Span(start, stop, length, right - left, start - left))
    return result


@st.composite
def partitions(draw):
    """Draw a picture's size and the parts of a partition of it into a grid of tiles."""
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    halo = draw(st.integers(0, 5))
    axes = []
    for length in (height, width):
        cuts = draw(st.sets(st.integers(1, length - 1), max_size=3)) if length > 1 else set()
        axes.append(spans(sorted(cuts), length, halo))
    return height, width, [Part(rows, columns) for rows, columns in product(*axes)]


def tile_of(x: torch.Tensor, part: Part) -> torch.Tensor:
    """Cut the tile, halos included, that a part is about."""
    top, left = (span.start - span.offset for span in part)
    return x[..., top : top + part.rows.tile, left : left + part.columns.tile]


def summary(context) -> list[torch.Tensor]:
    """Return what a context of a whole picture says, however it was put together."""
    said = ("mean", "grid", "reference", "values")
    return [getattr(context, name) for name in said if hasattr(context, name)]


@pytest.mark.parametrize("name", OPERATORS)
@given(partitions(), st.integers(0, 2**31))
@settings(max_examples=40)
def test_contexts_of_the_parts_merge_into_the_context_of_the_whole(name, partition, seed):
    height, width, parts = partition
    # the law is exact; in float64, little is left of rounding, which sums over pixels add up
    x = torch.randn(2, 4, height, width, generator=torch.Generator().manual_seed(seed)).double()
    operator: ContextOperator = OPERATORS[name]().double()
    gathered = [operator.gather(tile_of(x, part), part) for part in parts]
    merged = reduce(lambda a, b: a.merge(b), gathered)
    whole = operator.gather(x)
    for one, other in zip(summary(merged), summary(whole), strict=True):
        torch.testing.assert_close(one.double(), other.double(), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(operator.apply(x, merged), operator.apply(x, whole))


@pytest.mark.parametrize("name", OPERATORS)
def test_forward_is_gather_then_apply(name):
    operator, x = OPERATORS[name](), torch.randn(2, 4, 9, 7)
    torch.testing.assert_close(operator(x), operator.apply(x, operator.gather(x)), rtol=0, atol=0)


@pytest.mark.parametrize("name", OPERATORS)
def test_far_pixels_act_through_the_context_alone(name):
    operator = OPERATORS[name]()
    x = torch.randn(1, 4, 30, 30)
    context = operator.gather(x)
    changed = x.clone()
    changed[..., 20:, 20:] += 5
    near = operator.apply(changed, context)[..., :10, :10]
    torch.testing.assert_close(near, operator.apply(x, context)[..., :10, :10], rtol=0, atol=0)


def test_parts_move_with_the_grid_of_the_features():
    part = Part(Span(8, 16, 32, 12, 4), Span(0, 4, 8, 8, 0))
    assert part.on_grid(24, 16) == Part(Span(16, 32, 64, 24, 8), Span(0, 8, 16, 16, 0))
    assert part.on_grid(3, 2) == Part(Span(2, 4, 8, 3, 1), Span(0, 1, 2, 2, 0))
    with pytest.raises(ValueError, match="multiples of the network's stride"):
        part.on_grid(6, 1)
