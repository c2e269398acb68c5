"""Networks: pictures on the low-resolution grid become pictures on the high one."""

from bigpicture.models.catalog import SIZES, build

__all__ = ["SIZES", "build"]
