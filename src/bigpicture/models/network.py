"""The one network class of this package: a backbone and a head between normalisation and its undo.

    low (b, colours, h, w) in [0, 1] ──normalise──▶ ──pad to the backbone's multiple──▶
        ──backbone──▶ (b, c, h′, w′) ──head──▶ ──crop──▶ ──undo──▶ (b, colours, H, W)

The five systems and their baselines are settings of it, listed in `bigpicture.models.catalog`. Any
head works on any backbone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from bigpicture.compute.pad import crop_to, mirror_to_multiple
from bigpicture.context.contract import ContextOperator
from bigpicture.layers.normalise import DIV2K_MEAN, Normalise
from bigpicture.models.contract import BackboneSettings, HeadSettings, Limits, Region
from bigpicture.models.heads.continuous import ContinuousHead
from bigpicture.models.heads.coordinates import pixel_centres
from bigpicture.shapes import Float, Tensor

__all__ = ["Network", "NetworkSettings", "weightless"]


@dataclass(frozen=True)
class NetworkSettings:
    """Settings of a network.

    Attributes:
        backbone: Maps pictures to features.
        head: Maps features to larger pictures.
        colours: Channels of the pictures, 3 or 1.
        mean: Value per colour, in [0, 1], that is subtracted from pictures. A gray network averages
            three values.
        std: Value per colour by which the difference is divided.
    """

    backbone: BackboneSettings
    head: HeadSettings
    colours: int = 3
    mean: tuple[float, ...] = DIV2K_MEAN
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    @property
    def scale(self) -> int:
        """Scale factor; for a network that renders any scale, the default."""
        return self.head.scale


class Network(nn.Module):
    """Enlarges pictures in [0, 1]. See `NetworkSettings`."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.normalise = Normalise(
            *(_for_colours(values, settings.colours) for values in (settings.mean, settings.std))
        )
        self.backbone = settings.backbone.build(settings.colours)
        self.head = settings.head.build(self.backbone.channels, settings.colours)
        self._kernels_per_image = any(
            isinstance(module, ContextOperator) and module.kernels_per_image
            for module in self.modules()
        )

    def forward(
        self,
        low: Float[Tensor, "b d h w"],
        size: tuple[int, int] | None = None,
        region: Region | None = None,
    ) -> Float[Tensor, "b d H W"]:
        """Return the pictures `low`, in [0, 1], on a finer grid.

        Args:
            low: Pictures with 1 or 3 channels, as the settings say.
            size: H and W of the result, if the head renders any size; by default `scale` times the
                sides of `low`.
            region: If `low` is a tile, the region of a result of that size to render.

        Raises:
            ValueError: If `low` has the wrong number of channels, the head renders a single scale
                and `size` is another, or `region` is given without `size` or for such a head.
        """
        if self._gains_nothing_from_batches(low):
            return torch.cat([self._restore(picture, size, region) for picture in low.split(1)])
        return self._restore(low, size, region)

    def query(
        self,
        low: Float[Tensor, "b d h w"],
        coordinates: Float[Tensor, "b q 2"],
        cell: Float[Tensor, "b q 2"],
    ) -> Float[Tensor, "b q d"]:
        """Return the colours of single points; needs a head that renders any size.

        Args:
            low: Pictures in [0, 1].
            coordinates: Row and column, where the picture spans [−1, 1].
            cell: Height and width of the points' pixels in the same unit.

        Raises:
            ValueError: If `low` has the wrong number of channels, or the head renders a single
                scale.
        """
        if not isinstance(self.head, ContinuousHead):
            raise ValueError(f"this network renders ×{self.head.scale} only, not single points")
        features, normal = (crop_to(x, *low.shape[-2:]) for x in self.features(low))
        colours = self.head.query(features, normal, coordinates, cell)
        return self.normalise.undo(colours.mT.unsqueeze(-1)).squeeze(-1).mT

    def features(
        self, low: Float[Tensor, "b d h w"]
    ) -> tuple[Float[Tensor, "b c y x"], Float[Tensor, "b d y x"]]:
        """Return the features of `low` and `low` normalised, both padded for the backbone.

        Raises:
            ValueError: If `low` has the wrong number of channels.
        """
        colours = self.settings.colours
        if low.shape[1] != colours:
            raise ValueError(
                f"low must have {colours} channels, which the network was made for, not "
                f"{low.shape[1]} (its shape is {tuple(low.shape)}); `bigpicture.Model` takes both "
                "gray and colour pictures"
            )
        padded = mirror_to_multiple(self.normalise(low), self.backbone.multiple)
        return self.backbone(padded), padded

    def _restore(self, low: Tensor, size: tuple[int, int] | None, region: Region | None) -> Tensor:
        if region is not None and (size is None or not self.head.any_scale):
            raise ValueError(
                "region needs the size of the whole result, and a network that renders any size"
            )
        height, width = low.shape[-2:]
        features, padded = self.features(low)
        if isinstance(self.head, ContinuousHead):
            # it renders whatever spans its input, so the padding must go first
            features, normal = (crop_to(x, height, width) for x in (features, padded))
            if size is None or region is None:
                high = self.head(features, normal, size)
            else:
                high = _region(self.head, features, normal, size, region)
        else:
            scale = self.head.scale
            if size is not None and tuple(size) != (height * scale, width * scale):
                raise ValueError(
                    f"size={size} was requested, but this network renders "
                    f"{(height * scale, width * scale)} from {(height, width)} (×{scale})"
                )
            high = crop_to(self.head(features, padded), height * scale, width * scale)
        return self.normalise.undo(high)

    def _gains_nothing_from_batches(self, low: Tensor) -> bool:
        """Return whether to run the pictures of a batch one by one.

        On a CPU, a kernel of each picture's own is applied separately anyway. With gradients, the
        batch stays together, as kernels may learn from its mean.
        """
        return (
            self._kernels_per_image
            and len(low) > 1
            and not self.training
            and not torch.is_grad_enabled()
            and low.device.type == "cpu"
            and not torch.compiler.is_compiling()
        )

    @property
    def limits(self) -> Limits:
        """How this network may be used."""
        # A head's context must not count what is padded to single tiles. So they are cut such that
        # nothing is; a head that renders any size never sees padding.
        counts = any(isinstance(module, ContextOperator) for module in self.head.modules())
        multiple = self.backbone.multiple if counts and not self.head.any_scale else 1
        return Limits(
            self.head.scale,
            self.settings.colours,
            reach=self.backbone.reach + self.head.reach,
            multiple=multiple,
            align=self.backbone.align,
            any_scale=self.head.any_scale,
        )


def weightless(settings: NetworkSettings, most: float | int = math.inf) -> Network:
    """Return a network on the meta device: parameters have shapes but take no memory.

    Args:
        settings: Its settings.
        most: Number of weights and biases, each a tensor, beyond which building stops.

    Raises:
        ValueError: If it has more.
    """
    with torch.device("meta"), _Unfilled(most):
        return Network(settings)


class _Unfilled(TorchFunctionMode):
    """Counts the parameters that layers allocate, and does not initialise them.

    `Tensor.normal_` does nothing on the meta device, but is slow to set up there.
    """

    def __init__(self, most: float | int) -> None:
        super().__init__()
        self.most, self.count = most, 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func is Tensor.normal_:
            return args[0]
        self.count += func is torch.empty
        if self.count > self.most:
            raise ValueError(f"it has more than {self.most} weights and biases")
        return func(*args, **(kwargs or {}))


def _region(
    head: ContinuousHead, features: Tensor, low: Tensor, size: tuple[int, int], region: Region
) -> Tensor:
    rows, columns = (
        pixel_centres(side, low)[slice(*ends)]
        for side, ends in zip(size, (region.rows, region.columns), strict=True)
    )
    cell = 2 / size[0], 2 / size[1]
    return head.grid(features, low, rows, columns, cell, region.part)


def _for_colours(values: tuple[float, ...], colours: int) -> tuple[float, ...]:
    """Return one value per colour; for a gray network, the mean of all values."""
    if len(values) == colours:
        return values
    if colours == 1:
        return (sum(values) / len(values),)
    if len(values) == 1:
        return values * colours
    raise ValueError(f"mean and std must have {colours} values (the colours), not {len(values)}")
