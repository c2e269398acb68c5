"""`[precision]`: how the numbers are held and computed."""

from typing import Literal

from pydantic import Field

from bigpicture.config import Settings

__all__ = ["PrecisionPart"]


class PrecisionPart(Settings):
    """How the numbers are held and computed."""

    numbers: Literal["fp32", "bf16", "fp16"] = Field(
        default="bf16",
        description="of convolutions and matrix products; with fp16, losses are scaled so that "
        "small gradients survive",
    )
    channels_last: bool = Field(
        default=True, description="keep the channels of a pixel next to each other in memory"
    )
    compile: bool = Field(default=False, description="torch.compile the network")
    recompute: bool = Field(
        default=False,
        description="forget the features inside of the backbone's blocks and compute them again "
        "for the backward pass: about a third slower, in much less memory, with the same result",
    )
