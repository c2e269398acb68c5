"""Networks that turn low-resolution pictures into high-resolution ones."""

from bigpicture.models.catalog import SIZES, build

__all__ = ["SIZES", "build"]
