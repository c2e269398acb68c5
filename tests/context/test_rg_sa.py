import math
from functools import reduce
from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from bigpicture.compute import strips
from bigpicture.context.contract import Part, Span
from bigpicture.context.rg_sa import RecursiveGeneralizationAttention


def random_attention(channels=4, heads=2, **options) -> RecursiveGeneralizationAttention:
    """Return an attention in which nothing is small, in float64 and evaluation."""
    attention = RecursiveGeneralizationAttention(channels, heads, **options).double().eval()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return attention


def depthwise(x, conv, i, j):
    """One pixel of a depthwise convolution, zeros around the picture, as a sum over its taps."""
    (k, _), stride = conv.kernel_size, conv.stride[0]
    total = conv.bias.clone()
    for u, v in product(range(k), range(k)):
        y, z = i * stride + u - conv.padding[0], j * stride + v - conv.padding[1]
        if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
            total += conv.weight[:, 0, u, v] * x[:, y, z]
    return total


def every_pixel(height, width, of):
    rows = [torch.stack([of(i, j) for j in range(width)], -1) for i in range(height)]
    return torch.stack(rows, -2)


def by_the_formula(attention, x, times):
    """Equations (1) and (2), pixel by pixel and head by head."""
    outputs = []
    for image in x:
        block = 4**times
        height, width = (max(block, side) for side in image.shape[1:])
        grid = every_pixel(
            height, width, lambda i, j, x=image: x[:, i % x.shape[1], j % x.shape[2]]
        )
        for _ in range(times):
            coarse = (grid.shape[1] // 4, grid.shape[2] // 4)
            grid = every_pixel(*coarse, lambda i, j, g=grid: depthwise(g, attention.reduce, i, j))
        tokens = every_pixel(
            *grid.shape[1:], lambda i, j, g=grid: depthwise(g, attention.refine, i, j)
        )
        tokens = torch.einsum("dc,cyx->yxd", attention.squeeze.weight[..., 0, 0], tokens)
        tokens = attention.norm(tokens + attention.squeeze.bias)
        tokens = tokens * 0.5 * (1 + torch.erf(tokens / math.sqrt(2)))
        k, v = attention.k(tokens), attention.v(tokens).permute(2, 0, 1)
        v = v + every_pixel(*v.shape[1:], lambda i, j, v=v: depthwise(v, attention.position, i, j))
        k, v = k.flatten(0, 1), v.flatten(1).T
        outputs.append(ask_pixel_by_pixel(attention, image, k, v))
    return torch.stack(outputs)


def ask_pixel_by_pixel(attention, image, k, v):
    heads, found = attention.heads, torch.zeros_like(image)
    for i, j in product(*map(range, image.shape[1:])):
        q = attention.q.weight @ image[:, i, j] + attention.q.bias
        parts = []
        for head in range(heads):
            own = slice(head * len(q) // heads, (head + 1) * len(q) // heads)
            share = torch.softmax(k[:, own] @ q[own] / math.sqrt(len(q) / heads), 0)
            values = v[:, head * len(image) // heads : (head + 1) * len(image) // heads]
            parts.append(share @ values)
        found[:, i, j] = attention.out.weight @ torch.cat(parts) + attention.out.bias
    return found


@pytest.mark.parametrize(
    ("size", "training", "options", "times"),
    [
        ((33, 16), False, {}, 2),
        ((5, 19), False, {}, 2),  # a side shorter than a block
        ((16, 9), True, {}, 1),
        ((3, 2), True, {}, 0),
        ((10, 9), False, {"recursive": False, "scaling": 1}, 1),
        ((3, 7), False, {"recursive": False}, 1),
    ],
    ids=str,
)
def test_agrees_with_the_formula_pixel_by_pixel(size, training, options, times):
    attention = random_attention(**options).train(training)
    x = torch.randn(2, 4, *size, dtype=torch.float64)
    assert attention.recursions(*size) == times
    expected = by_the_formula(attention, x, times)
    torch.testing.assert_close(attention(x), expected)
    with torch.no_grad():
        torch.testing.assert_close(attention(x), expected)


@pytest.mark.parametrize(
    ("size", "training", "evaluation"),
    [
        ((1, 1), 0, 2),
        ((15, 15), 0, 2),
        ((16, 3), 1, 2),
        ((63, 64), 2, 2),
        ((64, 255), 2, 2),
        ((256, 1), 3, 2),
        ((1023, 1023), 3, 2),
        ((7, 1024), 4, 3),
        ((4095, 9), 4, 3),
        ((4096, 9), 5, 4),
    ],
    ids=str,
)
def test_the_picture_s_size_says_how_often_it_is_reduced(size, training, evaluation):
    attention = RecursiveGeneralizationAttention(2, 1)
    assert attention.recursions(*size) == training
    assert attention.eval().recursions(*size) == evaluation


@st.composite
def partitions(draw):
    """Draw a picture's size, and a partition of it, which need not be a grid of tiles."""
    height, width = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    spans = []
    for length in (height, width):
        cuts = draw(st.sets(st.integers(1, length - 1), max_size=3)) if length > 1 else set()
        spans.append(list(pairwise([0, *sorted(cuts), length])))
    rows, columns = spans
    regions = list(product(rows, columns))
    if draw(st.booleans()):  # one row of tiles becomes one tile
        regions = [(row, column) for row, column in regions if row != rows[0]]
        regions.append((rows[0], (0, width)))
    return height, width, regions


@given(partitions(), st.integers(0, 9), st.sampled_from(["evaluation", "training", "once"]))
@settings(max_examples=60)
def test_a_block_that_parts_share_is_the_sum_of_what_each_has(partition, halo, kind):
    height, width, regions = partition
    attention = random_attention(recursive=kind != "once").train(kind == "training")
    x = torch.randn(1, 4, height, width, dtype=torch.float64)
    contexts = []
    for (top, bottom), (left, right) in draw_order(regions):
        first = max(0, top - halo), max(0, left - halo)
        last = min(height, bottom + halo), min(width, right + halo)
        tile = x[..., first[0] : last[0], first[1] : last[1]]
        rows = Span(top, bottom, height, tile.shape[2], top - first[0])
        columns = Span(left, right, width, tile.shape[3], left - first[1])
        contexts.append(attention.gather(tile, Part(rows, columns)))
    merged = reduce(lambda a, b: a.merge(b), contexts)
    torch.testing.assert_close(merged.grid, attention.gather(x).grid)
    torch.testing.assert_close(attention.apply(x, merged), attention(x))


def draw_order(regions):
    return [regions[i] for i in torch.randperm(len(regions)).tolist()]


@pytest.mark.parametrize("size", [(33, 16), (5, 19)], ids=str)
def test_what_is_found_is_the_values_mixed_by_the_attention(size):
    attention, x = random_attention(), torch.randn(2, 4, *size, dtype=torch.float64)
    context = attention.gather(x)
    shares = attention.attention(x, context)
    torch.testing.assert_close(shares.sum((-1, -2)), torch.ones(2, 2, *size).double())
    _, values = attention.keys_and_values(context)
    mixed = (shares.flatten(4).flatten(2, 3) @ values).unflatten(2, size).permute(0, 2, 3, 1, 4)
    found = attention.out(mixed.flatten(3)).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, attention(x))
    one = attention.attention(x[..., 3:4, 7:8], context)
    torch.testing.assert_close(one, shares[:, :, 3:4, 7:8])


def test_tokens_that_are_not_there_are_not_attended_to():
    attention, x = random_attention(), torch.randn(1, 4, 32, 32, dtype=torch.float64)
    there = torch.tensor([[True, False], [True, True]])
    shares = attention.attention(x, attention.gather(x)._replace(there=there))
    assert shares[..., 0, 1].max() == 0
    torch.testing.assert_close(shares.sum((-1, -2)), torch.ones(1, 2, 32, 32).double())


def test_gradients_are_those_of_differences_also_through_parts():
    attention = random_attention()
    x = torch.randn(1, 4, 17, 7, dtype=torch.float64, requires_grad=True)
    parameters = list(attention.parameters())
    assert gradcheck(lambda x, *_: attention(x), (x, *parameters), fast_mode=True)
    halves = [
        Part(Span(0, 9, 17, 9, 0), Span(0, 7, 7, 7, 0)),
        Part(Span(9, 17, 17, 8, 0), Span(0, 7, 7, 7, 0)),
    ]

    def in_parts(x, *_):
        top, bottom = (attention.gather(x[:, :, p.rows.start : p.rows.stop], p) for p in halves)
        return attention.apply(x, top.merge(bottom))

    assert gradcheck(in_parts, (x, *parameters), fast_mode=True)


def test_every_parameter_learns():
    attention = random_attention()
    attention(torch.randn(2, 4, 20, 33).double()).square().sum().backward()
    for name, parameter in attention.named_parameters():
        # to all keys, the same bias says nothing: their softmax stays
        assert (parameter.grad.abs().sum() > 1e-6) == (name != "k.bias"), name


@pytest.mark.parametrize("pixels", [1, 40, 10**6])
def test_strips_and_memory_formats_are_the_whole(pixels, monkeypatch):
    monkeypatch.setattr(strips, "_PIXELS_AT_ONCE", pixels)
    attention = random_attention()
    x = torch.randn(2, 4, 21, 18, dtype=torch.float64)
    whole = attention(x)
    with torch.inference_mode():
        torch.testing.assert_close(attention(x), whole)
        last = x.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(attention(last), whole)


def test_a_batch_is_its_images_one_by_one():
    attention, x = random_attention(), torch.randn(3, 4, 20, 17).double()
    torch.testing.assert_close(attention(x), torch.cat([attention(image[None]) for image in x]))


def test_works_in_threads_and_in_bf16(assert_same_everywhere):
    attention, x = random_attention().float(), torch.randn(2, 4, 20, 17)
    expected = assert_same_everywhere(attention, x)
    part = Part(Span(0, 20, 20, 20, 0), Span(0, 17, 17, 17, 0))
    with torch.autocast("cpu", torch.bfloat16):
        for context in (attention.gather(x), attention.gather(x, part)):
            y = attention.apply(x, context)
            assert y.dtype == torch.bfloat16
            torch.testing.assert_close(y.float(), expected, atol=0.3, rtol=0.1)


def test_exports_with_sizes_it_was_not_exported_at_and_compiles_into_one_graph(assert_traces):
    attention = RecursiveGeneralizationAttention(8, 2).eval()
    torch.nn.init.normal_(attention.reduce.bias)
    x, batch = torch.rand(1, 8, 12, 40), torch.rand(2, 8, 35, 9)
    assert_traces(attention, x, [(21, 17), (2, 30), (64, 63), (200, 16)], batch, sides=(2, 1023))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((6, 4), "multiples of the 4 heads, not 6 and 3"),
        ((6, 2), "multiples of the 2 heads, not 6 and 3"),
        ((4, 2, 0), r"scaling must lie in \(0, 1\], not 0"),
        ((4, 2, 1.5), r"scaling must lie in \(0, 1\], not 1.5"),
        ((4, 1, 0.1), "not 4 and 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RecursiveGeneralizationAttention(*arguments)
