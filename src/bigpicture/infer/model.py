"""A network that is ready to use: what `bigpicture.load` returns.

model(low)             (b, c, h, w) → (b, c, r·h, r·w)    differentiable
model.upscale(image)   path, Picture, Separations, PIL image, array, tensor → the same kind, larger
"""

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Literal

import torch
from torch import nn

from bigpicture.compute.allocation import memory_kept
from bigpicture.infer.device import choose_device
from bigpicture.infer.enlarge import Cancel, Options, Progress, Report
from bigpicture.infer.kinds import open_parts
from bigpicture.infer.lockstep import check_together
from bigpicture.infer.memory import (
    ENOUGH,
    bytes_per_pixel,
    fitting_tile,
    free_bytes,
    in_bytes,
    surely_fits,
)
from bigpicture.infer.parts import enlarge_parts
from bigpicture.infer.plan import Framing, Pass, Plan, framed, sizes_to, target_size
from bigpicture.infer.precision import Precision, repeatably
from bigpicture.infer.sharing import has_context
from bigpicture.infer.upscale import (
    HALO,
    Sharing,
    Tiling,
    device_of,
    padded_size,
    restore_whole,
)
from bigpicture.models.contract import Limits
from bigpicture.shapes import Float, Tensor

__all__ = ["Model", "Progress", "TileSide"]

TileSide = int | Literal["auto", "off"]


class Model:
    """A network with its declared limits.

    Several threads may use a model at the same time.

    Args:
        network: Pictures in [0, 1] → the same, larger. It is put into evaluation mode, and its
            weights into channels-last memory.
        limits: How it may be used.
        name: Its name in reports.
        facts: Further information: training data, licence, scores, source.
    """

    def __init__(
        self,
        network: nn.Module,
        limits: Limits,
        name: str = "model",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network.eval()
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.limits = limits
        self.name = name
        self.facts = dict(facts or {})
        self._pixel_cost: dict[torch.device, float] = {}

    def __repr__(self) -> str:
        return f"Model({self.name!r}, ×{self.scale}, on {self.device})"

    @property
    def scale(self) -> int:
        """Enlargement of each side."""
        return self.limits.scale

    @property
    def device(self) -> torch.device:
        """The device on which the network runs."""
        return device_of(self.network, torch.device("cpu"))

    def to(self, device: str | torch.device) -> "Model":
        """Move the network, in place, and return the model.

        Args:
            device: As in PyTorch, or "auto": CUDA, else MPS (Apple GPUs), else the CPU.

        Raises:
            ValueError: If the device is not available.
        """
        self.network.to(choose_device(str(device)))
        return self

    def __call__(
        self, low: Float[Tensor, "b c h w"], size: tuple[int, int] | None = None
    ) -> Float[Tensor, "b c H W"]:
        """Return pictures that are `scale` times larger, or of a `size`; differentiable.

        Args:
            low: Pictures of 1 or 3 channels in [0, 1].
            size: Height and width of the result, if the network renders any size
                (`limits.any_scale`).

        Raises:
            ValueError: If `low` has another number of channels, or the network renders only one
                scale and `size` does not match it.
        """
        return restore_whole(self.network, self.limits, low, size)

    def upscale(
        self,
        image: Any,  # noqa: ANN401 - many kinds, each gives itself
        scale: int | float | None = None,
        *,
        size: tuple[int, int] | None = None,
        width: int | None = None,
        height: int | None = None,
        framing: Framing = "stretch",
        tile: TileSide = "auto",
        halo: int | None = None,
        sweeps: int = 2,
        context: Sharing = "shared",
        memory: int | str | None = None,
        ensemble: bool = False,
        precision: Precision = "auto",
        match_low: bool = False,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
        report: Report | None = None,
    ) -> Any:  # noqa: ANN401
        """Return `image` enlarged, as the same kind with the same depth, layout and metadata.

        Float colours stay within [0, 1], extended to the picture's own range.

        Args:
            image: A path (gives a `Picture`, see `bigpicture.image.write`, or `Separations` for
                CMYK), one of these two, a PIL image, an array (h, w) or (h, w, c) of uint8, uint16
                or floats, or a tensor (c, h, w) or (b, c, h, w) of uint8 or floats. 1 or 3
                channels, 2 or 4 with alpha; floats in [0, 1].
            scale: Enlargement of each side; by default the network's own. For a larger one the
                network runs several times, unless it renders any scale.
            size: Exact height and width of the result, in this order.
            width: Exact width; the proportions are kept unless `height` is given as well.
            height: Exact height, as `width`.
            framing: How to handle a size with other proportions than the picture's, see
                `bigpicture.infer.plan.Framing`.
            tile: Most low-resolution pixels of a tile's side; "auto" cuts a picture only if it
                does not fit into memory, "off" only once memory has run out.
            halo: Pixels that a tile sees around its own; by default the network's reach, but at
                most 32 unless the context is `exact`.
            sweeps: How often the tiles' contexts are gathered before rendering.
            context: What tiles know of the whole picture, see `bigpicture.infer.upscale.Sharing`.
            memory: Bytes, or a string such as "2G", that "auto" tiles may take. By default, half of
                the free memory; on a CPU, 1 GiB if the picture does not fit into that half. If even
                these do not fit, tiles become smaller. With any other `tile`, it does nothing
                unless the context is `exact`, which takes half of it for tiles that wait.
            ensemble: Average over the eight flips and turns: better, eight times slower.
            precision: See `bigpicture.infer.precision`. "fp32" gives the same bits each time on
                one machine. Unsound results in less than float32 are computed again, with a
                warning.
            match_low: Restore the low frequencies of the picture in the result, see
                `bigpicture.infer.matching`.
            progress: Called with the work done and the total work.
            cancel: When it is set, `Cancelled` is raised before the next tile.
            report: Filled with a record of what was done.

        Raises:
            ValueError: If an argument is out of range, or `image` is not an image.
            ImageError: If `image` is a path to no image that can be read.
            Cancelled: If `cancel` was set.
            MemoryError: If the smallest tile or the result does not fit.
        """
        if progress is not None and not callable(progress):
            raise ValueError(f"progress must be a function of two numbers, not {progress!r}")
        if cancel is not None and not isinstance(cancel, Cancel):
            raise ValueError(f"cancel must have is_set, as threading.Event has, not {cancel!r}")
        parts = open_parts(image)
        images, _, *picture = parts.planes[0].colour.shape
        plan = self.plan(
            (picture[0], picture[1]),
            scale=scale,
            size=size,
            width=width,
            height=height,
            framing=framing,
            tile=tile,
            halo=halo,
            sweeps=sweeps,
            context=context,
            memory=memory,
            images=images,
        )
        options = Options(ensemble, precision, match_low, progress, cancel)
        with repeatably(self.device), memory_kept:
            return enlarge_parts(self.network, self.limits, parts, plan, options, report)

    def plan(
        self,
        picture: tuple[int, int],
        *,
        scale: int | float | None = None,
        size: tuple[int, int] | None = None,
        width: int | None = None,
        height: int | None = None,
        framing: Framing = "stretch",
        tile: TileSide = "auto",
        halo: int | None = None,
        sweeps: int = 2,
        context: Sharing = "shared",
        memory: int | str | None = None,
        images: int = 1,
    ) -> Plan:
        """Return the plan that `upscale` would execute for pictures of a given size.

        Args:
            picture: Height and width.
            scale: This and the following as in `upscale`.
            size: ″
            width: ″
            height: ″
            framing: ″
            tile: ″
            halo: ″
            sweeps: ″
            context: ″
            memory: ″
            images: Number of pictures in a batch.

        Raises:
            ValueError: If an argument is out of range, or more than one size is given.
        """
        if scale is not None and not size is width is height is None:
            raise ValueError(f"got scale={scale} and a size; give one or the other")
        target = target_size(
            *picture,
            scale=self.scale if scale is None else scale,
            size=size,
            to_width=width,
            to_height=height,
        )
        target, frame = framed(*picture, target, framing)
        if halo is None:
            halo = self.limits.reach if context == "exact" else min(HALO, self.limits.reach)
        for name, value in {"halo": halo, "sweeps": sweeps}.items():
            if not isinstance(value, Integral):
                raise ValueError(f"{name} must be a whole number, not {value!r}")
        budget = None if memory is None else in_bytes(memory)
        if budget is not None and context == "exact":
            budget = -(-budget // 2)  # the other half is for tiles that wait
        passes = []
        for made in sizes_to(*picture, target, self.limits):
            side = self._side(tile, *picture, halo, images, budget)
            tiling = Tiling(side, halo, sweeps, context, budget)
            tiles = len(tiling.cut(*picture, self.limits))
            if context == "exact" and has_context(self.network):
                check_together(tiles)
            passes.append(Pass(*picture, made, tiling, tiles))
            picture = made
        return Plan(target, tuple(passes), frame)

    def _side(
        self,
        tile: TileSide,
        height: int,
        width: int,
        halo: int,
        images: int,
        budget: int | None,
    ) -> int | None:
        if isinstance(tile, Integral) and not isinstance(tile, bool):
            return int(tile)
        if tile not in ("auto", "off"):
            raise ValueError(f"tile must be 'auto', 'off' or a number of pixels, not {tile!r}")
        device, limits = self.device, self.limits
        height, width = padded_size(height, width, limits)
        # a gray network gets each colour as a separate picture
        images *= 3 if limits.colours == 1 else 1
        # half of the free memory is left unused, but a budget may be used up
        free = free_bytes(device) if budget is None else 2 * budget
        if tile == "off" or surely_fits(height * width * images, free):
            return None
        if device not in self._pixel_cost:
            self._pixel_cost[device] = bytes_per_pixel(self.network, limits, device)
        cost, unit = self._pixel_cost[device] * images, math.lcm(limits.multiple, limits.align)
        enough = ENOUGH if budget is None and device.type == "cpu" else math.inf
        return fitting_tile(height, width, halo, cost, free, enough, unit)
