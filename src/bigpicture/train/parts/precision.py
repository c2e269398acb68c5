"""`[precision]`: numerical precision and memory layout."""

from typing import Literal

from pydantic import Field

from bigpicture.config import Settings

__all__ = ["PrecisionPart"]


class PrecisionPart(Settings):
    """Numerical precision and memory layout."""

    numbers: Literal["fp32", "bf16", "fp16"] = Field(
        default="bf16",
        description="Precision of convolutions and matrix products. With fp16, losses are scaled "
        "so that small gradients are not rounded to 0.",
    )
    channels_last: bool = Field(
        default=True, description="Store the channels of a pixel next to each other in memory."
    )
    compile: bool = Field(default=False, description="Compile the network with torch.compile.")
    recompute: bool = Field(
        default=False,
        description="Compute the features inside the backbone's blocks again for the backward pass "
        "instead of keeping them: the same result in much less memory, about a third slower.",
    )
