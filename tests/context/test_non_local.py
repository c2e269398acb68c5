import pytest
import torch
from torch.nn import functional as F

from bigpicture.compute.pad import mirror_to_multiple
from bigpicture.context import non_local
from bigpicture.context.contract import Part, Span
from bigpicture.context.non_local import CrossScaleAttention


def by_the_formula(operator, x):
    """The operator with every patch cut out, as SYSTEMS and the paper's eqs. (7), (8) say it."""
    height, width = x.shape[-2:]
    result = []
    for s in operator.scales:
        padded = mirror_to_multiple(x, s)
        match, values = operator.match(padded), operator.values(padded)
        reference = operator.reference(
            F.interpolate(padded, scale_factor=1 / s, mode="bilinear", align_corners=False)
        )
        rebuilt = []
        for one, ref, value in zip(match, reference, values, strict=True):
            keys = F.unfold(ref[None], 3, padding=1)[0].mT.unflatten(1, (-1, 3, 3))
            keys = keys / keys.flatten(1).norm(dim=1).clamp(min=1e-4)[:, None, None, None]
            patches = F.unfold(value[None], 3 * s, padding=s, stride=s)[0].mT
            weights = torch.softmax(10 * F.conv2d(one[None], keys, padding=1), 1)
            patches = patches.unflatten(1, (-1, 3 * s, 3 * s))
            rebuilt.append(F.conv_transpose2d(weights, patches, stride=s, padding=s))
        result.append(operator.down[str(s)](torch.cat(rebuilt))[..., :height, :width] / 6)
    return torch.cat(result, 1)


@pytest.fixture(params=["at once", "in windows"])
def at_once(request, monkeypatch):
    """All queries together, or so few that even small pictures are cut into windows."""
    if request.param == "in windows":
        monkeypatch.setattr(non_local, "_AT_ONCE_ON_CPU", 1)


@pytest.mark.parametrize("scales", [(2,), (3,), (4,), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 8), (12, 16), (13, 17), (31, 14)], ids=str)
def test_agrees_with_the_formula(size, scales, at_once):
    operator = CrossScaleAttention(6, scales).double()
    x = torch.randn(2, 6, *size, dtype=torch.float64)
    torch.testing.assert_close(operator(x), by_the_formula(operator, x))


@pytest.mark.parametrize("pixel", [(0, 0), (5, 7), (10, 12)], ids=str)
def test_a_pixel_s_attention_is_the_softmax_of_its_patch_s_similarities(pixel):
    operator = CrossScaleAttention(6, (2, 3)).double()
    x = torch.randn(2, 6, 11, 13, dtype=torch.float64)
    attention = operator.attention(x, operator.gather(x), pixel)
    assert list(attention) == [2, 3]
    for s, shares in attention.items():
        padded = mirror_to_multiple(x, s)
        reference = operator.reference(F.interpolate(padded, scale_factor=1 / s, mode="bilinear"))
        for one, ref, own in zip(operator.match(padded), reference, shares, strict=True):
            keys = F.unfold(ref[None], 3, padding=1)[0].mT.unflatten(1, (-1, 3, 3))
            keys = keys / keys.flatten(1).norm(dim=1)[:, None, None, None]
            weights = torch.softmax(10 * F.conv2d(one[None], keys, padding=1), 1)
            torch.testing.assert_close(own.flatten(), weights[0, :, pixel[0], pixel[1]])


def test_features_that_are_all_alike_do_not_divide_by_nothing():
    operator = CrossScaleAttention(4)
    x = torch.zeros(1, 4, 6, 6, requires_grad=True)
    operator.reference[0].bias.data.zero_()
    operator(x).sum().backward()
    assert all(p.grad.isfinite().all() for p in (x, *operator.parameters()))


@pytest.mark.parametrize("scales", [(2,), (3, 4)], ids=str)
def test_gradients_are_the_true_ones(scales, at_once):
    operator = CrossScaleAttention(2, scales).double()
    x = torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    names, values = zip(*operator.named_parameters(), strict=True)

    def apply(x, *values):
        return torch.func.functional_call(operator, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(apply, (x, *values))


def test_gradients_in_windows_are_those_of_the_formula(monkeypatch):
    monkeypatch.setattr(non_local, "_AT_ONCE_ON_CPU", 1)
    operator = CrossScaleAttention(2).double()
    x = torch.randn(2, 2, 15, 14, dtype=torch.float64, requires_grad=True)
    for one, other in zip(
        torch.autograd.grad(operator(x).sin().sum(), (x, *operator.parameters())),
        torch.autograd.grad(by_the_formula(operator, x).sin().sum(), (x, *operator.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("size", [(14, 15), (13, 17)], ids=str)
def test_evaluation_works_in_one_memory(size, at_once):
    operator = CrossScaleAttention(6, (2, 3)).double()
    x = torch.randn(2, 6, *size, dtype=torch.float64)
    with torch.no_grad():
        found = operator(x)
    torch.testing.assert_close(found, by_the_formula(operator, x))


@pytest.mark.parametrize("size", [(20, 24), (21, 23)], ids=str)
def test_a_tile_that_shares_the_context_is_a_piece_of_the_whole(size):
    operator = CrossScaleAttention(4, (2, 3)).double()
    x = torch.randn(1, 4, *size, dtype=torch.float64)
    context = operator.gather(x)
    whole = operator.apply(x, context)
    top, left, halo = 9, 11, operator.reach  # to the last row and column: what is mirrored counts
    tile = operator.apply(x[..., top - halo :, left - halo :], context)
    torch.testing.assert_close(tile[..., halo:, halo:], whole[..., top:, left:])
    short = operator.apply(x[..., top - halo + 1 :, left - halo :], context)
    assert not torch.allclose(short[..., halo - 1, halo:], whole[..., top, left:], rtol=0)


def test_pieces_may_be_cut_anywhere():
    operator = CrossScaleAttention(4)
    x = torch.randn(1, 4, 7, 5)
    parts = [
        Part(Span(top, bottom, 7, bottom - top, 0), Span(0, 5, 5, 5, 0))
        for top, bottom in ((0, 3), (3, 4), (4, 7))
    ]
    first, *others = [operator.gather(x[..., p.rows.start : p.rows.stop, :], p) for p in parts]
    for other in others:
        first = first.merge(other)
    assert len(first.pieces) == 1  # put together once, not by each tile
    whole = operator.gather(x)
    torch.testing.assert_close(first.values, whole.values)
    torch.testing.assert_close(first.reference, whole.reference)


def test_bf16_autocast_compares_in_float32():
    operator = CrossScaleAttention(8)
    x = torch.randn(2, 8, 12, 10)
    with torch.autocast("cpu", torch.bfloat16):
        y = operator(x)
    torch.testing.assert_close(y.float(), operator(x), atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5,), "channels must be even, as half of them are compared, not 5"),
        ((4, (2, 5)), r"scales must be among 2, 3 and 4, each once and rising, not \(2, 5\)"),
        ((4, (3, 2)), r"not \(3, 2\)"),
        ((4, ()), r"not \(\)"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        CrossScaleAttention(*arguments)
