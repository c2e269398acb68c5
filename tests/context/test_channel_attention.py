import pytest
import torch

from bigpicture.context.channel_attention import ChannelAttention


def made(channels: int, reduction: int) -> ChannelAttention:
    return ChannelAttention(channels, reduction).double()


def test_is_the_formula():
    attention, x = made(6, 3), torch.randn(2, 6, 4, 5, dtype=torch.float64)
    (narrow, first), (wide, second) = (
        (layer.weight[..., 0, 0], layer.bias) for layer in attention.excite[::2]
    )
    assert narrow.shape == (2, 6)
    expected = torch.empty_like(x)
    for image in range(2):
        mean = torch.stack([x[image, c].sum() / 20 for c in range(6)])
        hidden = [max(0.0, narrow[n].dot(mean) + first[n]) for n in range(2)]
        for c in range(6):
            score = sum(wide[c, n] * hidden[n] for n in range(2)) + second[c]
            expected[image, c] = x[image, c] / (1 + torch.exp(-score))
    torch.testing.assert_close(attention(x), expected)


def test_gradients_are_the_true_ones():
    attention = made(4, 2)
    names, values = zip(*attention.named_parameters(), strict=True)

    def attend(x, *values):
        return torch.func.functional_call(attention, dict(zip(names, values, strict=True)), x)

    x = torch.randn(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(attend, (x, *values))


@pytest.mark.parametrize("reduction", [0, 5])
def test_nothing_left_inside_is_refused(reduction):
    with pytest.raises(ValueError, match=rf"reduction must be in 1…4 .*, not {reduction}"):
        ChannelAttention(4, reduction)
