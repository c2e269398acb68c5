"""A network that is ready to use: what `bigpicture.load` returns.

model(low)             (b, c, h, w) → (b, c, r·h, r·w)    differentiable
model.upscale(image)   path, Picture, PIL image, array, tensor → the same kind, larger
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import nn

from bigpicture.image.resize import resize
from bigpicture.infer import memory
from bigpicture.infer.alpha import bleed_colours, enlarge_alpha, is_flat
from bigpicture.infer.device import choose_device
from bigpicture.infer.ensemble import self_ensemble
from bigpicture.infer.kinds import Planes, open_planes
from bigpicture.infer.plan import Pass, Plan, passes_to, target_size
from bigpicture.infer.precision import Precision, computing_in
from bigpicture.infer.upscale import (
    HALO,
    Advance,
    Sharing,
    Tiling,
    cost,
    device_of,
    render,
    restore_whole,
)
from bigpicture.models.contract import Limits
from bigpicture.shapes import Float, Tensor

__all__ = ["Model", "Progress", "TileSide"]

Progress = Callable[[int, int], None]
"""Called with the work done and the whole work; their unit is the same, no more is said of it."""
TileSide = int | Literal["auto", "off"]


class Model:
    """A network with what it declares about itself.

    Several threads may use one model at once.

    Args:
        network: Pictures in [0, 1] → the same, larger. It is put into evaluation mode.
        limits: How it may be used.
        name: What reports call it.
        facts: What else is known: training data, licence, scores, source.
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
        """Where the network runs."""
        return device_of(self.network, torch.device("cpu"))

    def to(self, device: str | torch.device) -> "Model":
        """Move the network, in place, and return the model.

        Args:
            device: As in PyTorch, or "auto": CUDA, else Apple's GPU, else the CPU.

        Raises:
            ValueError: If there is no such device here.
        """
        self.network.to(choose_device(str(device)))
        return self

    def __call__(
        self, low: Float[Tensor, "b c h w"], size: tuple[int, int] | None = None
    ) -> Float[Tensor, "b c H W"]:
        """Return pictures, `scale` times larger or of a `size`; differentiable.

        Args:
            low: 1 or 3 channels in [0, 1].
            size: Height and width of the result, where the network renders any
                (`limits.any_scale`).

        Raises:
            ValueError: If the network renders one scale only, and `size` is another.
        """
        return restore_whole(self.network, self.limits, low, size)

    def upscale(
        self,
        image: Any,  # noqa: ANN401 - many kinds, each gives itself
        *,
        scale: int | float | None = None,
        size: tuple[int, int] | None = None,
        width: int | None = None,
        height: int | None = None,
        tile: TileSide = "auto",
        halo: int | None = None,
        sweeps: int = 2,
        context: Sharing = "shared",
        ensemble: bool = False,
        precision: Precision = "auto",
        progress: Progress | None = None,
    ) -> Any:  # noqa: ANN401
        """Return `image` larger, as the same kind with the same depth, layout and metadata.

        Colours of floats stay between the picture's own least and largest and [0, 1].

        Args:
            image: A path (gives a `Picture`, see `bigpicture.image.write`), a `Picture`, a PIL
                image, an array (h, w) or (h, w, c) of uint8, uint16 or floats, a tensor (c, h, w)
                or (b, c, h, w) of uint8 or floats. 1 or 3 channels, with alpha 2 or 4; floats in
                [0, 1].
            scale: Enlargement of each side, the network's own if nothing is given. Where it is
                larger than that, the network runs several times.
            size: Exact height and width of the result, in this order.
            width: Exact width; the proportions are kept unless `height` is given as well.
            height: Exact height, as `width`.
            tile: Most low-resolution pixels of a tile's side; "auto" cuts only what does not fit
                into memory, "off" nothing.
            halo: Pixels that a tile sees around its own: 32, or what the network can reach if
                that is less.
            sweeps: How often the tiles' contexts are gathered before rendering.
            context: `shared` tiles see the whole picture's context, `tile` only their own.
            ensemble: Average over the eight flips and turns: better, eight times slower.
            precision: See `bigpicture.infer.precision`.
            progress: Called with work done and total work.

        Raises:
            ValueError: If an argument is out of range, or the image is none.
            ImageError: If a path holds no image that can be read.
        """
        planes = open_planes(image)
        plan = self.plan(
            (planes.colour.shape[-2], planes.colour.shape[-1]),
            scale=scale,
            size=size,
            width=width,
            height=height,
            tile=tile,
            halo=halo,
            sweeps=sweeps,
            context=context,
            images=planes.colour.shape[0],
        )
        with computing_in(precision, self.device, planes.bits):
            return self._run(planes, plan, ensemble, progress)

    def plan(
        self,
        picture: tuple[int, int],
        *,
        scale: int | float | None = None,
        size: tuple[int, int] | None = None,
        width: int | None = None,
        height: int | None = None,
        tile: TileSide = "auto",
        halo: int | None = None,
        sweeps: int = 2,
        context: Sharing = "shared",
        images: int = 1,
    ) -> Plan:
        """Return what `upscale` would do with pictures of a size.

        Args:
            picture: Height and width.
            scale: This and the following as in `upscale`.
            size: ″
            width: ″
            height: ″
            tile: ″
            halo: ″
            sweeps: ″
            context: ″
            images: How many go through the network at once.

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
        halo = min(HALO, self.limits.reach) if halo is None else halo
        passes = []
        for index in range(passes_to(*picture, target, self.scale)):
            high, wide = (side * self.scale**index for side in picture)
            tiling = Tiling(self._side(tile, high, wide, halo, images), halo, sweeps, context)
            tiles = len(tiling.cut(high, wide, self.limits))
            passes.append(Pass(high, wide, tiling, tiles))
        return Plan(target, tuple(passes))

    def _side(self, tile: TileSide, height: int, width: int, halo: int, images: int) -> int | None:
        if isinstance(tile, int) and not isinstance(tile, bool):
            return tile
        if tile not in ("auto", "off"):
            raise ValueError(f"tile must be 'auto', 'off' or a number of pixels, not {tile!r}")
        device = self.device
        # a gray network is shown the colours as so many pictures
        images *= 3 if self.limits.colours == 1 else 1
        free = memory.free_bytes(device)
        if tile == "off" or memory.surely_fits(height * width * images, free):
            return None
        if device not in self._pixel_cost:
            self._pixel_cost[device] = memory.bytes_per_pixel(self.network, self.limits, device)
        return memory.fitting_tile(height, width, halo, self._pixel_cost[device] * images, free)

    def _run(self, planes: Planes, plan: Plan, ensemble: bool, progress: Progress | None) -> object:
        colour, alpha = planes.colour, planes.alpha
        drawn = 1 if alpha is None or is_flat(alpha) else 2
        total = (8 if ensemble else 1) * drawn * sum(self._cost(each) for each in plan.passes)
        advance = _counting(progress, total)
        darkest, brightest = min(0.0, colour.min().item()), max(1.0, colour.max().item())
        if alpha is not None:
            colour = bleed_colours(colour, alpha)
        for each in plan.passes:
            restore = self._restorer(each, ensemble, advance)
            colour = restore(colour)
            alpha = None if alpha is None else enlarge_alpha(restore, alpha, self.scale)
        if tuple(colour.shape[-2:]) != plan.size:
            colour = resize(colour, size=plan.size)
            alpha = None if alpha is None else _resize_alpha(alpha, plan.size)
        return planes.close(colour.clamp(darkest, brightest), alpha)

    def _restorer(self, each: Pass, ensemble: bool, advance: Advance) -> Callable[[Tensor], Tensor]:
        def restore(low: Tensor) -> Tensor:
            return render(self.network, self.limits, low, each.tiling, advance)

        return (lambda low: self_ensemble(restore, low)) if ensemble else restore

    def _cost(self, each: Pass) -> int:
        return cost(self.network, self.limits, each.height, each.width, each.tiling)


def _counting(progress: Progress | None, total: int) -> Advance:
    done = 0

    def advance(work: int) -> None:
        nonlocal done
        done += work
        if progress is not None:
            progress(done, total)

    return advance


def _resize_alpha(
    alpha: Float[Tensor, "b 1 h w"], size: tuple[int, int]
) -> Float[Tensor, "b 1 H W"]:
    """Return opacity of an exact size, kept in its range, so that flat stays flat."""
    bounds = alpha.amin((2, 3), keepdim=True), alpha.amax((2, 3), keepdim=True)
    return torch.minimum(torch.maximum(resize(alpha, size=size), bounds[0]), bounds[1])
