"""Sums along diagonals against loops over all pairs of pixels."""

from itertools import product

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from bigpicture.compute.diagonals import diagonal_sum

SIZES = [(1, 1, 1, 1), (1, 4, 3, 1), (2, 3, 4, 5), (5, 2, 1, 6), (4, 4, 4, 4)]
sizes = pytest.mark.parametrize("size", SIZES, ids=str)


def by_the_loop(pairs):
    result = torch.zeros_like(pairs)
    for place in product(*map(range, pairs.shape)):
        for a, b in product((-1, 0, 1), repeat=2):
            moved = tuple(p + step for p, step in zip(place, (a, b, a, b), strict=True))
            if all(0 <= p < side for p, side in zip(moved, pairs.shape, strict=True)):
                result[place] += pairs[moved]
    return result


@sizes
def test_agrees_with_the_loop_in_all_ways(size, monkeypatch):
    pairs = torch.randn(size, dtype=torch.float64)
    expected = by_the_loop(pairs)
    torch.testing.assert_close(diagonal_sum(pairs), expected)
    strided = pairs.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0)
    torch.testing.assert_close(diagonal_sum(strided), expected)
    table = pairs.clone()
    found = diagonal_sum(table, torch.empty(pairs.numel() + 7, dtype=torch.float64))
    assert found.data_ptr() == table.data_ptr()
    torch.testing.assert_close(found, expected)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(diagonal_sum(pairs), expected)


@sizes
def test_gradients_are_the_true_ones(size):
    pairs = torch.randn(size, dtype=torch.float64, requires_grad=True)
    assert gradcheck(diagonal_sum, pairs, fast_mode=True)
    assert gradgradcheck(diagonal_sum, pairs, fast_mode=True)


def test_of_pixels_similarities_they_are_those_of_their_patches():
    one, other = torch.randn(5, 4, 6).double(), torch.randn(5, 3, 7).double()
    pairs = torch.einsum("cyx,cji->yxji", one, other)
    patches = [F.unfold(x[None], 3, padding=1)[0] for x in (one, other)]
    expected = (patches[0].mT @ patches[1]).view(pairs.shape)
    torch.testing.assert_close(diagonal_sum(pairs), expected)
