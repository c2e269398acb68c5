import pytest
import torch

from bigpicture.layers.spatial_attention import SpatialAttention


@pytest.mark.parametrize("window", [1, 3, 7])
def test_is_the_formula(window):
    attention = SpatialAttention(window).double()
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    mean_kernel, max_kernel = attention.conv.weight[0]
    expected, half = torch.empty_like(x), window // 2
    for image, y, left in torch.cartesian_prod(torch.arange(2), torch.arange(4), torch.arange(5)):
        score = torch.zeros((), dtype=torch.float64)
        for down, right in torch.cartesian_prod(*[torch.arange(-half, half + 1)] * 2).view(-1, 2):
            row, column = y + down, left + right
            if 0 <= row < 4 and 0 <= column < 5:
                channels = x[image, :, row, column]
                score += mean_kernel[down + half, right + half] * channels.sum() / 3
                score += max_kernel[down + half, right + half] * channels.max()
        expected[image, :, y, left] = x[image, :, y, left] / (1 + torch.exp(-score))
    torch.testing.assert_close(attention(x), expected)


def test_gradients_are_the_true_ones():
    attention = SpatialAttention(3).double()

    def attend(x, weight):
        return torch.func.functional_call(attention, {"conv.weight": weight}, x)

    x = torch.randn(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(attend, (x, attention.conv.weight))


@pytest.mark.parametrize("window", [0, 4])
def test_a_window_without_a_middle_is_refused(window):
    with pytest.raises(ValueError, match=f"window must be odd.*not {window}"):
        SpatialAttention(window)
