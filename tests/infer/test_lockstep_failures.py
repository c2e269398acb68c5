"""Tiles that run together and cannot go on leave nothing wrong, and nothing behind."""

import pytest
import torch
from torch import nn

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.infer import Tiling, render, waiting
from bigpicture.models.contract import Limits

EXACT = Tiling(8, halo=0, context="exact")


class Skipping(nn.Module):
    """Leaves out its operator where the picture is bright."""

    limits = Limits(1, 3, reach=0)

    def __init__(self) -> None:
        super().__init__()
        self.attention = ChannelAttention(3, 1)

    def forward(self, low):
        return low.clone() if low.max() > 0.9 else self.attention(low)


@pytest.mark.parametrize(
    ("bright", "message"),
    [
        (0, "came to the context of .* where the first came to its end; .* context='exact'"),
        (20, "came to its end where the first came to the context of .*; .* context='exact'"),
    ],
)
def test_a_tile_that_ends_earlier_than_others_is_no_result(bright, message):
    low = torch.full((1, 3, 8, 32), 0.5)
    low[..., bright] = 1
    with pytest.raises(RuntimeError, match=message):
        render(Skipping(), Skipping.limits, low, EXACT)


@pytest.mark.parametrize("memory", [0, None])
@pytest.mark.parametrize("here", [True, False])
def test_what_a_network_keeps_is_whole_after_it_was_stopped(tiny, monkeypatch, here, memory):
    monkeypatch.setattr(waiting, "_SMALL", 1)
    monkeypatch.setattr(waiting, "_on_host", lambda storage: here)
    network, low = tiny.Remembering(), torch.rand(1, 3, 8, 32)

    def stop(pixels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiling = Tiling(8, halo=0, context="exact", memory=memory)
        render(network, network.limits, low, tiling, stop)
    assert torch.equal(network.tables[0], network.table())
