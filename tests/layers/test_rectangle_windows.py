import math
from itertools import product

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional as F

from bigpicture.compute import strips
from bigpicture.layers import bands
from bigpicture.layers.dynamic_bias import DynamicPositionBias
from bigpicture.layers.rectangle_windows import RectangleWindowAttention, rectangles_see
from bigpicture.layers.windows import attend, partition, reach_through, shift_mask

# 96 channels are the least whose bias networks, of width 3, can tell offsets apart
SIZES = [(8, 8), (16, 8), (1, 1), (3, 11), (17, 6)]


def random_attention(channels=96, heads=4, window=(2, 8), shifted=False):
    """Return an attention in which nothing is small, in float64 and evaluation."""
    attention = RectangleWindowAttention(channels, heads, window, shifted).double().eval()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    for bias in attention.biases:
        for parameter in bias.parameters():
            torch.nn.init.normal_(parameter)
    return attention


def bias_of(network: DynamicPositionBias, down: int, right: int):
    """What an offset is answered, layer by layer."""
    x = torch.tensor([down, right], dtype=torch.float64)
    linear, *rest = network.layers
    x = linear.weight @ x + linear.bias
    for norm, _, linear in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        x = (x - x.mean()) / (x.var(correction=0) + norm.eps).sqrt() * norm.weight + norm.bias
        x = linear.weight @ x.clamp(min=0) + linear.bias
    return x


def window_of(position: int, length: int, side: int, shift: int) -> range:
    """The pixels of a pixel's window along an axis, cut at the border."""
    first = (position - shift) // side * side + shift
    return range(max(0, first), min(length, first + side))


def half_pixel_by_pixel(attention, index, q, k, v):
    """One orientation of one picture (h, w, d): every pixel asks those of its window.

    Beyond the picture, where windows are whole, keys and values are 0.
    """
    (height, width, d), (tall, broad) = q.shape, attention.windows[index]
    multiple, heads = max(tall, broad), len(attention.biases[index].layers[-1].weight)
    whole = [math.ceil(side / multiple) * multiple for side in (height, width)]
    shifts = (tall // 2, broad // 2) if attention.shifted else (0, 0)
    offsets = {
        (i, j): bias_of(attention.biases[index], i, j)
        for i, j in product(range(1 - tall, tall), range(1 - broad, broad))
    }
    zero, found = torch.zeros(d, dtype=q.dtype), torch.zeros_like(q)
    for i, j in product(range(height), range(width)):
        rows = window_of(i, whole[0], tall, shifts[0])
        columns = window_of(j, whole[1], broad, shifts[1])
        seen = list(product(rows, columns))
        keys, values = (
            torch.stack([x[r, s] if r < height and s < width else zero for r, s in seen])
            for x in (k, v)
        )
        bias = torch.stack([offsets[i - r, j - s] for r, s in seen])
        for head in range(heads):
            own = slice(head * d // heads, (head + 1) * d // heads)
            logits = keys[:, own] @ q[i, j, own] / math.sqrt(d // heads) + bias[:, head]
            found[i, j, own] = logits.softmax(0) @ values[:, own]
    return found


def by_the_formula(attention, x):
    c = x.shape[-1]
    q, k, v = (x @ attention.qkv.weight.T + attention.qkv.bias).split(c, -1)
    halves = [
        torch.stack(
            [
                half_pixel_by_pixel(attention, index, *(own[n].chunk(2, -1)[index] for own in qkv))
                for n in range(len(x))
            ]
        )
        for index, qkv in enumerate([(q, k, v)] * 2)
    ]
    beside = F.conv2d(
        v.permute(0, 3, 1, 2), attention.position.weight, attention.position.bias, 1, 1, 1, c
    )
    y = torch.cat(halves, -1) + beside.permute(0, 2, 3, 1)
    return y @ attention.out.weight.T + attention.out.bias


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_agrees_with_the_formula_pixel_by_pixel(size, shifted):
    attention = random_attention(shifted=shifted)
    x = torch.randn(2, *size, 96, dtype=torch.float64)
    expected = by_the_formula(attention, x)
    torch.testing.assert_close(attention(x), expected)
    with torch.no_grad():
        torch.testing.assert_close(attention(x), expected)


@pytest.mark.parametrize("window", [(2, 8), (4, 4), (8, 2)])
def test_shifted_windows_are_the_released_code_s_rolled_and_masked_ones(window):
    attention = random_attention(window=window, shifted=True)
    x = torch.randn(2, 16, 24, 96, dtype=torch.float64)
    q, k, v = (own.chunk(2, -1) for own in attention.qkv(x).chunk(3, -1))
    found = []
    for index, own in enumerate(attention.windows):
        shift = (own[0] // 2, own[1] // 2)
        windows = [
            partition(torch.roll(part[index], (-shift[0], -shift[1]), (1, 2)), *own)
            for part in (q, k, v)
        ]
        bias = attention.biases[index]([own])[own]
        y = attend(*windows, bias, shift_mask((16, 24), own, shift))
        rows, columns = (bands.Band(0, *sides) for sides in zip((16, 24), own, strict=True))
        found.append(torch.roll(bands.put_back(y, 2, rows, columns), shift, (1, 2)))
    local = attention.position(torch.cat(v, -1).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    torch.testing.assert_close(attention(x), attention.out(torch.cat(found, -1) + local))


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("pixels", [1, 60, 200, 10**6])
@pytest.mark.parametrize("size", [*SIZES, (40, 19)])
def test_strips_are_the_whole(size, shifted, pixels, monkeypatch):
    monkeypatch.setattr(strips, "_PIXELS_AT_ONCE", pixels)
    attention = random_attention(shifted=shifted)
    x = torch.randn(2, *size, 96, dtype=torch.float64)
    whole = attention(x)
    with torch.inference_mode():
        torch.testing.assert_close(attention(x), whole)


@pytest.mark.parametrize("shifted", [False, True])
def test_gradients_are_those_of_differences(shifted):
    attention = random_attention(window=(2, 4), shifted=shifted)
    x = torch.randn(1, 5, 3, 96, dtype=torch.float64, requires_grad=True)
    inputs = (x, *attention.parameters())
    assert gradcheck(lambda x, *_: attention(x), inputs, fast_mode=True)


@pytest.mark.parametrize("shifted", [False, True])
def test_every_parameter_learns(shifted):
    attention = random_attention(shifted=shifted)
    attention(torch.randn(2, 9, 12, 96).double()).square().sum().backward()
    for name, parameter in attention.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("shifted", [False, True])
def test_the_reach_is_at_least_how_far_a_pixel_is_seen(shifted):
    attention = random_attention(window=(4, 8), shifted=shifted)
    x = torch.randn(1, 8, 48, 96, dtype=torch.float64, requires_grad=True)
    farthest = 0
    y = attention(x)
    for pixel in range(16, 32):
        (grad,) = torch.autograd.grad(y[:, 3, pixel].sum(), x, retain_graph=True)
        seen = grad.abs().sum((0, 1, 3)).nonzero()
        farthest = max(farthest, (seen - pixel).abs().max().item())
    assert farthest <= reach_through(rectangles_see((4, 8), shifted)) <= farthest + 2


def test_works_in_threads_and_in_bf16(assert_same_everywhere):
    attention, x = random_attention(shifted=True).float(), torch.randn(2, 16, 9, 96)
    expected = assert_same_everywhere(attention, x)
    for mode in (torch.enable_grad, torch.inference_mode):
        with torch.autocast("cpu", torch.bfloat16), mode():
            y = attention(x)
            assert y.dtype == torch.bfloat16
            torch.testing.assert_close(y.float(), expected, atol=0.2, rtol=0.1)


@pytest.mark.parametrize("shifted", [False, True])
def test_exports_with_sizes_it_was_not_exported_at_and_compiles_into_one_graph(
    shifted, assert_traces
):
    attention = RectangleWindowAttention(96, 2, (2, 8), shifted).eval()
    for parameter in attention.biases.parameters():
        torch.nn.init.normal_(parameter)
    sizes, limits = [(21, 17), (2, 30), (8, 8), (64, 63)], {"axes": (1, 2), "sides": (2, 500)}
    assert_traces(attention, torch.rand(1, 12, 40, 96), sizes, torch.rand(3, 19, 9, 96), **limits)


def test_windows_of_bands_are_put_back_where_they_were():
    x = torch.randn(2, 24, 12, 3)
    rows, columns = bands.lay(24, 8, 4, at_once=8), bands.lay(12, 4, 2)
    assert [band.windows for band in rows] == [1, 1, 1, 1]
    back = []
    for row in rows:
        own = bands.take(x, 1, row)
        beside = [
            bands.put_back(bands.cut(bands.take(own, 2, column), row, column), 2, row, column)
            for column in columns
        ]
        back.append(bands.join(beside, 2, columns, 12))
    assert torch.equal(bands.join(back, 1, rows, 24), x)
    none = bands.Band(2, 2, 4)
    assert bands.put_back(bands.cut(x[:, :8, :0], rows[1], none), 2, rows[1], none).numel() == 0
    assert torch.equal(bands.take(x, 2, bands.Band(10, 14, 4)), F.pad(x[:, :, 10:], (0, 0, 0, 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((6, 3), "heads must be even and divide the 6 channels, not 3"),
        ((6, 4), "heads must be even and divide the 6 channels, not 4"),
        ((8, 2, (3, 8)), r"a multiple of the other: \(3, 8\)"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RectangleWindowAttention(*arguments)
