"""The one network of this package: a backbone and a head, between two normalisations.

    low (b, colours, h, w) in [0, 1] ──normalise──▶ ──mirror to the backbone's multiple──▶
        ──backbone──▶ (b, c, h′, w′) ──head──▶ ──crop──▶ ──undo──▶ (b, colours, H, W)

The five systems and what they are compared with are settings of it, see `bigpicture.models`' files
and `bigpicture.models.catalog`; any head goes on any backbone.
"""

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
    """Everything that makes a network.

    Attributes:
        backbone: Pictures → features.
        head: Features → larger pictures.
        colours: Channels of the pictures, 3 or 1.
        mean: Of the training pictures' colours, in [0, 1]. Gray takes the mean of three values.
        std: By which colours are divided after subtracting the mean.
    """

    backbone: BackboneSettings
    head: HeadSettings
    colours: int = 3
    mean: tuple[float, ...] = DIV2K_MEAN
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    @property
    def scale(self) -> int:
        """Enlargement of each side; where any is possible, what is made unasked."""
        return self.head.scale


class Network(nn.Module):
    """Pictures in [0, 1] → the same, larger. See `NetworkSettings`."""

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
            low: 1 or 3 channels, as the settings say.
            size: H and W, where the head renders any; else they are `scale` times those of `low`.
            region: Of a result of that size, what is rendered, where `low` is a tile.

        Raises:
            ValueError: If `low` has not the network's colours, or another size is asked of a head
                for one scale.
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
        """Return the colours of single points, where the head renders any size.

        Args:
            low: Pictures in [0, 1].
            coordinates: Row and column in [−1, 1], the frame of the picture.
            cell: Height and width of the points' pixels in that frame.

        Raises:
            ValueError: If `low` has not the network's colours, or the head is for one scale.
        """
        if not isinstance(self.head, ContinuousHead):
            raise ValueError(f"this network renders ×{self.head.scale} only, not single points")
        features, normal = (crop_to(x, *low.shape[-2:]) for x in self.features(low))
        colours = self.head.query(features, normal, coordinates, cell)
        return self.normalise.undo(colours.mT.unsqueeze(-1)).squeeze(-1).mT

    def features(
        self, low: Float[Tensor, "b d h w"]
    ) -> tuple[Float[Tensor, "b c y x"], Float[Tensor, "b d y x"]]:
        """Return the features of `low`, and it, normalised, both as large as the backbone needs.

        Raises:
            ValueError: If `low` has not the network's colours.
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
        height, width = low.shape[-2:]
        features, padded = self.features(low)
        if isinstance(self.head, ContinuousHead):
            # it draws the grid that it is asked for, so nothing beyond the picture may be left
            features, normal = (crop_to(x, height, width) for x in (features, padded))
            if size is None or region is None:
                high = self.head(features, normal, size)
            else:
                high = _region(self.head, features, normal, size, region)
        else:
            scale = self.head.scale
            if size is not None and tuple(size) != (height * scale, width * scale):
                raise ValueError(
                    f"size={size} was asked for, but this network only makes "
                    f"{(height * scale, width * scale)} of {(height, width)} (×{scale})"
                )
            high = crop_to(self.head(features, padded), height * scale, width * scale)
        return self.normalise.undo(high)

    def _gains_nothing_from_batches(self, low: Tensor) -> bool:
        """Return whether pictures go one by one, so that their features need no gathering.

        On a CPU, every picture's own kernels run on their own anyway. What kernels learn from a
        batch may be its mean, so not where gradients are wanted.
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
        return Limits(
            self.head.scale,
            self.settings.colours,
            reach=self.backbone.reach + self.head.reach,
            align=self.backbone.align,
            any_scale=self.head.any_scale,
        )


def weightless(settings: NetworkSettings) -> Network:
    """Return a network that has shapes but no numbers, and takes no memory, however large it is."""
    with torch.device("meta"), _Unfilled():
        return Network(settings)


class _Unfilled(TorchFunctionMode):
    """Leaves parameters as they are where noise would be drawn.

    There is none to be seen on the meta device, but PyTorch would take a second to prepare for it.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        return args[0] if func is Tensor.normal_ else func(*args, **(kwargs or {}))


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
    """Return one value a colour; of a colour network's values, gray takes the mean."""
    if len(values) == colours:
        return values
    if colours == 1:
        return (sum(values) / len(values),)
    if len(values) == 1:
        return values * colours
    raise ValueError(f"mean and std must have {colours} values (the colours), not {len(values)}")
