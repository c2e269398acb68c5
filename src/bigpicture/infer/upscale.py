"""Running a network over pictures of any size: padded as it requires, whole or in tiles.

    (b, c, h, w) ──pad──▶ ──cut──▶ gather, gather, … ──▶ render ──crop──▶ (b, c, r·h, r·w)

A tile renders its own pixels and sees a halo around them; all tiles share the contexts that the
network's context operators gather from the whole picture (`bigpicture.infer.sharing`). So the
result does not depend on the tiling, except for what a network sees beyond the halo and for
contexts that have not settled; these settle exactly if tiles run together
(`bigpicture.infer.lockstep`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

import torch
from torch import nn

from bigpicture.compute.pad import mirror_to
from bigpicture.infer.gray import restore_any_colours
from bigpicture.infer.lockstep import Lockstep
from bigpicture.infer.sharing import SharedContexts, has_context
from bigpicture.infer.soundness import check_sound
from bigpicture.infer.stored import Stored
from bigpicture.infer.tiles import Tile, cut
from bigpicture.models.contract import Limits, Region
from bigpicture.shapes import Float, Tensor

__all__ = [
    "HALO",
    "Advance",
    "Sharing",
    "Tiling",
    "cost",
    "device_of",
    "pad_to_limits",
    "padded_size",
    "render",
    "render_bands",
    "restore_whole",
]

HALO = 32
"""Low-resolution pixels around a tile. Those farther away hardly change a pixel."""

Advance = Callable[[int], None]
"""Called with the number of low-resolution pixels that a pass over a window has just processed."""

Sharing = Literal["shared", "exact", "tile"]
"""What tiles know of the whole picture.

`shared`: its context, gathered in sweeps over all tiles before they are rendered. With two sweeps
    this takes three times as long as one pass, and no extra memory.
`exact`: its exact context, from running all tiles together from operator to operator
    (`bigpicture.infer.lockstep`). One pass; the features of all tiles wait in host memory or,
    beyond `Tiling.memory`, in a file, and halos must be as wide as the network's reach, which is
    the default of `Model.upscale`.
`tile`: nothing, as in other tools.
"""


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut into tiles.

    Args:
        side: Most low-resolution pixels of a tile's side, without halos; None for a single tile.
        halo: Low-resolution pixels that a tile sees around its own.
        sweeps: How often contexts are gathered before tiles are rendered.
        context: See `Sharing`.
        memory: Bytes of host memory in which tiles of context `exact` wait for each other, half of
            the free memory if None; whatever exceeds it waits in a temporary file.

    Raises:
        ValueError: If an argument is out of range.
    """

    side: int | None = None
    halo: int = HALO
    sweeps: int = 2
    context: Sharing = "shared"
    memory: int | None = None

    def __post_init__(self) -> None:
        if self.side is not None and self.side < 1:
            raise ValueError(f"tile must be at least 1 pixel wide, not {self.side}")
        if self.halo < 0:
            raise ValueError(f"halo must be 0 pixels or more, not {self.halo}")
        if self.sweeps < 1:
            raise ValueError(
                f"sweeps must be 1 or more, not {self.sweeps}; for tiles on their own there is "
                "context='tile'"
            )
        if self.memory is not None and self.memory < 0:
            raise ValueError(f"memory must be 0 bytes or more, not {self.memory}")
        if self.context not in get_args(Sharing):
            known = ", ".join(get_args(Sharing))
            raise ValueError(f"context must be one of {known}, not {self.context!r}")

    def cut(self, height: int, width: int, limits: Limits) -> tuple[Tile, ...]:
        """Return the tiles of a picture after padding."""
        height, width = padded_size(height, width, limits)
        return cut(
            height, width, self.side, self.halo, limits.multiple, limits.smallest, limits.align
        )


def render(
    network: nn.Module,
    limits: Limits,
    low: Float[Tensor, "b c h w"],
    tiling: Tiling = Tiling(),
    advance: Advance | None = None,
    size: tuple[int, int] | None = None,
    out: Float[Tensor, "b c H W"] | None = None,
) -> Float[Tensor, "b c H W"]:
    """Return `low` enlarged, without gradients.

    A single tile gives exactly the network's result. Each tile is moved to the network's device;
    the result is on the device of `low`.

    Args:
        network: Any network in evaluation mode. It is not written to; other threads may run it
            meanwhile.
        limits: The limits that the network declares.
        low: Pictures of 1 or 3 channels in [0, 1].
        tiling: How the picture is cut.
        advance: Called with progress, which adds up to `cost`. An exception from it ends the work.
        size: Height and width of the result, for a network for any scale; otherwise the result is
            `limits.scale` times larger.
        out: Where to write the result, in float32 and on the device of `low`; a new tensor if None.

    Raises:
        UnsoundError: If a tile has NaN or infinite values, or has lost its content.
        ValueError: If there are more tiles of context `exact` than can run together.
    """
    if out is None:
        high, wide = size or (side * limits.scale for side in low.shape[-2:])
        # allocated outside of inference mode, whose tensors cannot be used in training
        out = torch.empty(*low.shape[:2], high, wide, dtype=torch.float32, device=low.device)
    for (start, stop), band in render_bands(network, limits, low, tiling, advance, size):
        out[..., start:stop, :] = band
    return out


def render_bands(
    network: nn.Module,
    limits: Limits,
    low: Float[Tensor, "b c h w"] | Stored,
    tiling: Tiling = Tiling(),
    advance: Advance | None = None,
    size: tuple[int, int] | None = None,
) -> Iterator[tuple[tuple[int, int], Float[Tensor, "b c y W"]]]:
    """Yield the result of `render` one row of tiles at a time, from the top.

    So the whole result need not be in memory. Arguments and errors are those of `render`.

    Yields:
        The first row and the one after the last, and the pixels between them in float32.
    """
    high, wide = size or (side * limits.scale for side in low.shape[-2:])
    height, width = low.shape[-2:]
    if isinstance(low, Stored) and padded_size(height, width, limits) != (height, width):
        low = low.floats()
    tiles = tiling.cut(height, width, limits)
    padded = low if isinstance(low, Stored) else pad_to_limits(low, limits)
    grid = size or (padded.shape[-2] * limits.scale, padded.shape[-1] * limits.scale)
    device = device_of(network, low.device)

    def run(network: nn.Module, tile: Tile) -> Tensor:
        """Return the tile's own pixels, rendered."""
        window = padded[(..., *tile.window)].to(device)
        asked = () if size is None else (size, Region(tile.part, *tile.on_result(size)))
        with torch.inference_mode():
            restored = restore_any_colours(network, limits, window, *asked)
        if asked:  # the network then renders no halo
            return check_sound(restored, window[(..., *tile.inside())])
        return check_sound(restored, window)[(..., *tile.inside(limits.scale))]

    rendered = zip(tiles, _rendered(network, tiles, tiling, run, advance), strict=True)
    for _, row in groupby(rendered, lambda each: each[0].part.rows):
        band, top, bottom = None, 0, 0
        for tile, piece in row:
            (top, bottom), (left, right) = tile.on_result(grid)
            bottom, right = min(bottom, high), min(right, wide)
            if band is None:  # allocated outside of inference mode, see `render`
                shape = (*piece.shape[:2], bottom - top, wide)
                band = torch.empty(shape, dtype=torch.float32, device=low.device)
            band[..., left:right] = piece[..., : bottom - top, : right - left]
            del piece  # a view of the tile's whole output, including the halo
        assert band is not None
        yield (top, bottom), band


def _rendered(
    network: nn.Module,
    tiles: Sequence[Tile],
    tiling: Tiling,
    run: Callable[[nn.Module, Tile], Tensor],
    advance: Advance | None,
) -> Iterator[Tensor]:
    """Yield each rendered tile, sharing contexts as the tiling asks."""
    if _way(network, len(tiles), tiling) == "exact":
        together = Lockstep(network, tiling.memory)
        runs = [(tile.part, lambda tile=tile: run(together.network, tile)) for tile in tiles]
        left = [tile.pixels for tile in tiles]

        def tell(number: int) -> None:
            share = min(tiles[number].pixels // together.stages, left[number])
            left[number] -= share
            _tell(advance, share)

        for number, piece in enumerate(together.results(runs, tell)):
            _tell(advance, left[number])
            yield piece
        return
    shared = SharedContexts(network)
    for _ in range(_sweeps(network, len(tiles), tiling)):
        for tile in tiles:
            shared.gather(lambda tile=tile: run(shared.network, tile), tile.part)
            _tell(advance, tile.pixels)
        shared.settle()
    for tile in tiles:
        piece = shared.render(lambda tile=tile: run(shared.network, tile))
        _tell(advance, tile.pixels)
        yield piece


def restore_whole(
    network: nn.Module,
    limits: Limits,
    low: Float[Tensor, "b c h w"],
    size: tuple[int, int] | None = None,
) -> Float[Tensor, "b c H W"]:
    """Return `low` enlarged by `limits.scale`, or to a `size`, in one piece and differentiable.

    Features are kept in channels-last memory, with which convolutions in bf16 and the pooling of
    contexts are faster.
    """
    if size is not None and limits.any_scale:
        low = low.contiguous(memory_format=torch.channels_last)
        return restore_any_colours(network, limits, low, size).contiguous()
    height, width = (side * limits.scale for side in low.shape[-2:])
    if size is not None and size != (height, width):
        raise ValueError(
            f"size={size} was asked for, but this network only enlarges {limits.scale} times, to "
            f"{(height, width)}; `upscale` brings pictures to any size"
        )
    padded = pad_to_limits(low, limits).contiguous(memory_format=torch.channels_last)
    return restore_any_colours(network, limits, padded)[..., :height, :width].contiguous()


def cost(network: nn.Module, limits: Limits, height: int, width: int, tiling: Tiling) -> int:
    """Return how many low-resolution pixels `render` will process, sweeps and halos included."""
    tiles = tiling.cut(height, width, limits)
    return sum(tile.pixels for tile in tiles) * (_sweeps(network, len(tiles), tiling) + 1)


def padded_size(height: int, width: int, limits: Limits) -> tuple[int, int]:
    """Return the smallest size the network takes that is not smaller than this one."""
    m = limits.multiple
    height, width = (-(-max(side, limits.smallest) // m) * m for side in (height, width))
    return height, width


def pad_to_limits(low: Float[Tensor, "b c h w"], limits: Limits) -> Float[Tensor, "b c y x"]:
    """Return `low` extended by mirroring, below and on the right, to a size the network takes."""
    size = padded_size(low.shape[-2], low.shape[-1], limits)
    return low if low.shape[-2:] == size else mirror_to(low, *size)


def device_of(network: nn.Module, default: torch.device) -> torch.device:
    """Return the device of a network's parameters; `default` if it has none."""
    parameter = next(network.parameters(), None)
    return default if parameter is None else parameter.device


def _way(network: nn.Module, tiles: int, tiling: Tiling) -> Sharing:
    """Return how contexts are shared; `tile` if there is one tile, or no context to share."""
    return tiling.context if tiles > 1 and has_context(network) else "tile"


def _sweeps(network: nn.Module, tiles: int, tiling: Tiling) -> int:
    return tiling.sweeps if _way(network, tiles, tiling) == "shared" else 0


def _tell(advance: Advance | None, pixels: int) -> None:
    if advance is not None:
        advance(pixels)
