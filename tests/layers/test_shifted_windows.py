import math
from dataclasses import replace

import pytest
import torch
from torch.autograd import gradcheck

from bigpicture.compute import strips
from bigpicture.layers.shifted_windows import SwinBlock, SwinBlockSettings, WindowAttention
from bigpicture.layers.windows import Cut, partition, reach_through, shift_mask

TINY = SwinBlockSettings(channels=6, heads=2, window=(4, 2), shift=(0, 0), hidden=5)


def random_block(settings: SwinBlockSettings) -> SwinBlock:
    """Return a block in which nothing is small, in float64."""
    block = SwinBlock(settings).double().eval()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    return block


def region(position: int, side: int, window: int, shift: int) -> tuple[int, int]:
    """Return first and last pixel of the window, cut at the picture's border, of a pixel."""
    first = (position - shift) // window * window + shift
    return max(0, first), min(side, first + window) - 1


def attention_pixel_by_pixel(attention: WindowAttention, x, shift):
    """Window attention as the paper says it: every pixel asks those of its own window."""
    b, h, w, c = x.shape
    (wh, ww), heads = attention.window, attention.bias_table.shape[1]
    weight, bias = attention.qkv.weight, attention.qkv.bias
    q, k, v = ((x @ weight.T + bias)[..., i * c : (i + 1) * c] for i in range(3))
    table = attention.bias_table.view(2 * wh - 1, 2 * ww - 1, heads)
    y = torch.zeros_like(x)
    for n in range(b):
        for i in range(h):
            for j in range(w):
                top, bottom = region(i, h, wh, shift[0])
                left, right = region(j, w, ww, shift[1])
                seen = [(r, s) for r in range(top, bottom + 1) for s in range(left, right + 1)]
                for head in range(heads):
                    own = slice(head * c // heads, (head + 1) * c // heads)
                    logits = [
                        q[n, i, j, own] @ k[n, r, s, own] / math.sqrt(c // heads)
                        + table[i - r + wh - 1, j - s + ww - 1, head]
                        for r, s in seen
                    ]
                    share = torch.stack(logits).softmax(0)
                    y[n, i, j, own] = sum(
                        share[m] * v[n, r, s, own] for m, (r, s) in enumerate(seen)
                    )
    return y @ attention.out.weight.T + attention.out.bias


@pytest.mark.parametrize("shift", [(0, 0), (2, 1), (1, 0)])
@pytest.mark.parametrize("size", [(8, 6), (4, 2)])
def test_a_block_is_the_paper_s_pixel_by_pixel(size, shift):
    block = random_block(replace(TINY, shift=shift))
    x = torch.randn(2, *size, 6, dtype=torch.float64)
    y = x + attention_pixel_by_pixel(block.attention, block.norm1(x), shift)
    y = y + block.mlp(block.norm2(y))
    mask = shift_mask(size, TINY.window, shift)
    torch.testing.assert_close(block(x, mask), y)
    with torch.no_grad():
        torch.testing.assert_close(block(x, mask), y)


@pytest.mark.parametrize("shift", [(0, 0), (2, 1)])
@pytest.mark.parametrize("pixels", [1, 24, 60, 10**6])
def test_strips_are_the_whole(shift, pixels, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(strips, "_PIXELS_AT_ONCE", pixels)
    block = random_block(replace(TINY, shift=shift))
    x = torch.randn(2, 20, 6, 6, dtype=torch.float64)
    mask = shift_mask((20, 6), TINY.window, shift)
    whole = block(x, mask)
    with torch.inference_mode():
        torch.testing.assert_close(block(x, mask), whole)


def test_gradients_are_those_of_differences():
    for shift in [(0, 0), (2, 1)]:
        block = random_block(replace(TINY, shift=shift))
        x = torch.randn(1, 4, 4, 6, dtype=torch.float64, requires_grad=True)
        mask = shift_mask((4, 4), TINY.window, shift)
        tensors = (x, *block.parameters())

        def run(x, *_, block=block, mask=mask):
            return block(x, mask)

        assert gradcheck(run, tensors, fast_mode=True)


def test_every_parameter_learns():
    block = random_block(replace(TINY, shift=(2, 1)))
    block(
        torch.randn(2, 8, 6, 6).double(), shift_mask((8, 6), (4, 2), (2, 1))
    ).square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_windows_stand_row_by_row():
    x = torch.randn(2, 6, 8, 3)
    windows = partition(x, 3, 4)
    assert windows.shape == (8, 12, 3)
    assert torch.equal(windows[1].reshape(3, 4, 3), x[0, :3, 4:])
    assert torch.equal(windows[6].reshape(3, 4, 3), x[1, 3:, :4])


def test_the_mask_cuts_windows_at_the_border():
    mask = shift_mask((8, 4), (4, 2), (2, 1))
    assert mask.shape == (4, 8, 8)
    assert mask[0].all()
    assert mask[1].float().mean() == mask[2].float().mean() == 0.5  # right, bottom: two halves
    assert mask[3].float().mean() == 0.25  # the corner: four quarters
    assert mask.diagonal(dim1=1, dim2=2).all()
    assert shift_mask((8, 4), (4, 2), (0, 0)).all()


@pytest.mark.parametrize(
    "steps",
    [[Cut(4)], [Cut(4), Cut(4, 2)], [1, Cut(4), Cut(4, 2), 1, Cut(4), 2], [Cut(4), Cut(6, 3), 1]],
    ids=str,
)
def test_the_reach_is_how_far_a_pixel_is_seen(steps):
    side = 120
    sees = torch.eye(side)
    position = torch.arange(side)
    for step in steps:
        if isinstance(step, Cut):
            index = (position - step.shift) // step.side
            layer = index[:, None] == index
        else:
            layer = (position[:, None] - position).abs() <= step
        sees = (layer.float() @ sees).clamp(max=1)
    inner = sees[40:80]  # away from the border
    distance = (position[40:80, None] - position).abs()
    assert reach_through(steps) == (distance * inner).max()


def test_paths_are_dropped_in_training_alone():
    settings = replace(TINY, drop_path=0.5)
    block = SwinBlock(settings)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    x, mask = torch.randn(1, 4, 4, 6).expand(400, 4, 4, 6), shift_mask((4, 4), (4, 2), (0, 0))
    y = block(x, mask)
    untouched = (y == x).flatten(1).all(1).float().mean()
    assert 0.18 < untouched < 0.32  # both halves: a quarter
    plain = block.eval()(x[:1], mask)
    assert torch.equal(block(x[:1], mask), plain)
    attended = x[:1] + block.attention(block.norm1(x[:1]))
    torch.testing.assert_close(plain, attended + block.mlp(block.norm2(attended)))


def test_works_in_threads_and_in_bf16(assert_same_everywhere):
    block = random_block(replace(TINY, shift=(2, 1))).float()
    x, mask = torch.randn(2, 8, 6, 6), shift_mask((8, 6), (4, 2), (2, 1))
    expected = assert_same_everywhere(block, x, mask)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(block(x, mask), expected, atol=0.3, rtol=0.1)


def test_heads_must_divide_the_channels():
    with pytest.raises(ValueError, match="channels must be a multiple of the 4 heads, not 6"):
        WindowAttention(6, 4, (8, 8))
