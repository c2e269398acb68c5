import sys
from dataclasses import replace
from math import inf

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from bigpicture.infer import Model, memory
from bigpicture.infer.tiles import cut
from bigpicture.models.catalog import SIZES
from bigpicture.models.contract import Limits
from bigpicture.models.network import Network

CPU = torch.device("cpu")


class Wide(nn.Module):
    """Holds 8 channels besides its result of 1, while two more come and go."""

    def forward(self, x):
        held = x.expand(-1, 8, -1, -1) + 1
        for _ in range(3):
            torch.cat([x, x], 1) + 1
        return held.sum(1, keepdim=True)


def test_bytes_per_pixel_are_those_of_the_peak():
    expected = 4 * (8 + 2 + 2)
    assert memory.bytes_per_pixel(Wide(), Limits(1, 1, reach=0), CPU) == expected
    large = Limits(1, 1, reach=0, multiple=48, smallest=50)
    assert memory.bytes_per_pixel(Wide(), large, CPU) == expected


def test_a_real_network_costs_a_few_kilobytes(tiny):
    network = tiny.modulated()
    assert 500 < memory.bytes_per_pixel(network, network.limits, CPU) < 5000


@pytest.mark.parametrize("free", [10**6, 10**7, 10**8, 10**9])
def test_the_window_fits_or_is_as_small_as_is_sensible(free):
    side = memory.fitting_tile(1000, 2000, 32, 1000, free)
    assert side == 32 or (side + 64) ** 2 * 1000 <= free / 2
    assert memory.fitting_tile(1000, 2000, 32, 1000, 10**10) is None


def test_tiles_are_no_larger_than_is_enough_but_pictures_may_be():
    side = memory.fitting_tile(1000, 2000, 32, 1000, 10**9, enough=10**8)
    assert (side + 64) ** 2 * 1000 <= 10**8 < (side + 65) ** 2 * 1000
    assert memory.fitting_tile(1000, 2000, 32, 100, 10**9, enough=10**8) is None


@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(0, 70),
    st.sampled_from([1, 8, 12, 32, 64]),
    st.integers(10**3, 10**7),
)
@example(height=57, width=72, halo=0, unit=64, pixels=4096)
def test_no_window_is_larger_than_fits_whatever_it_is_aligned_to(height, width, halo, unit, pixels):
    side = memory.fitting_tile(height, width, halo, 1, 2 * pixels, unit=unit)
    if side is None:
        assert height * width <= pixels
    elif side > memory.SMALLEST_TILE:
        assert all(tile.pixels <= pixels for tile in cut(height, width, side, halo, align=unit))


def test_the_tiles_of_aligned_windows_fit_into_a_budget():
    settings = SIZES["rgt-light"](2)
    network = Network(replace(settings, backbone=replace(settings.backbone, depths=(2,)))).eval()
    model, limits = Model(network, network.limits), network.limits
    cost = memory.bytes_per_pixel(network, limits, CPU)
    assert limits.align > 1
    for pixels in (130**2, 160**2, 190**2):
        tiling = model.plan((700, 900), memory=int(pixels * cost)).passes[0].tiling
        assert tiling.side is not None and tiling.side > memory.SMALLEST_TILE
        assert max(tile.pixels for tile in tiling.cut(700, 900, limits)) <= pixels


def test_small_pictures_need_no_trial():
    assert memory.surely_fits(64 * 64, 2**30)
    assert not memory.surely_fits(1000 * 1000, 2**30)


def test_there_is_memory():
    assert 2**20 < memory.free_bytes(CPU) < inf


@pytest.mark.parametrize(("limit", "left"), [("max", sys.maxsize), (str(2**30), 2**30 - 2**29)])
def test_a_container_has_less(tmp_path, limit, left):
    (tmp_path / "memory.max").write_text(limit + "\n")
    (tmp_path / "memory.current").write_text(f"{2**29}\n")
    assert memory._left_in_container(tmp_path) == left


def test_without_a_container(tmp_path):
    assert memory._left_in_container(tmp_path) == sys.maxsize


@pytest.mark.parametrize("version", [1, 2])
def test_files_that_were_read_are_no_memory_that_a_container_lacks(tmp_path, version):
    folder = tmp_path / "memory" if version == 1 else tmp_path
    folder.mkdir(exist_ok=True)
    most, used = ("limit_in_bytes", "usage_in_bytes") if version == 1 else ("max", "current")
    (folder / f"memory.{most}").write_text(f"{2**32}\n")
    (folder / f"memory.{used}").write_text(f"{2**32 - 2**20}\n")
    kinds = f"anon {2**20}\ninactive_file 7\ntotal_inactive_file {2**31}\n"
    kinds = kinds if version == 1 else f"anon {2**20}\ninactive_file {2**31}\n"
    (folder / "memory.stat").write_text(kinds)
    assert memory._left_in_container(tmp_path) == 2**31 + 2**20
