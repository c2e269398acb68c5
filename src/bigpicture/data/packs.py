"""The manifest of a pack: what `bigpicture data prepare` records in `manifest.json`.

A pack is complete only when its manifest says so, and missing parts do not go unnoticed.
"""

from typing import Literal

from pydantic import PositiveInt, ValidationError, model_validator

from bigpicture.config import Settings
from bigpicture.data.remote import Shelf

__all__ = ["MANIFEST", "Cutting", "Manifest", "PackedPicture", "PackedShard", "read_manifest"]

MANIFEST = "manifest.json"

Form = Literal["folder", "shards"]


class Cutting(Settings):
    """How pictures are cut.

    Attributes:
        crop: Side of a crop, in pixels.
        step: Distance from one crop to the next.
        least: Pictures with a smaller side are left out.
        scale: How many times smaller the low-resolution partners are; None if there are none.
        form: A folder of PNG files, or tar files.
    """

    crop: PositiveInt
    step: PositiveInt
    least: PositiveInt
    scale: PositiveInt | None = None
    form: Form = "folder"

    @model_validator(mode="after")
    def _covers(self) -> "Cutting":
        if self.step > self.crop:
            raise ValueError(
                f"step is {self.step}, which leaves gaps between crops of {self.crop} pixels; "
                f"give at most {self.crop}"
            )
        for name, value in (("crop", self.crop), ("step", self.step)):
            if value % (self.scale or 1):
                raise ValueError(f"{name} is {value}; at scale {self.scale} give a multiple of it")
        return self


class PackedPicture(Settings):
    """What became of a picture.

    Attributes:
        name: Its file.
        facts: Size and modification time of the file, and of its low-resolution partner.
        size: Width and height, None if it could not be read.
        crops: How many were cut from it.
        skipped: Whether it is too small to be cut.
        error: Why there are no crops.
    """

    name: str
    facts: tuple[int, ...]
    size: tuple[int, int] | None = None
    crops: int = 0
    skipped: bool = False
    error: str | None = None


class PackedShard(Settings):
    """A tar file: its name, number of crops and size in bytes."""

    name: str
    crops: int
    bytes: int


class Manifest(Settings):
    """Contents and progress of a pack.

    Attributes:
        cutting: How the pictures were cut.
        pictures: In the order in which they are cut.
        shards: The tar files written so far.
        next: Picture and crop to continue with; None when all are done.
    """

    cutting: Cutting
    pictures: tuple[PackedPicture, ...]
    shards: tuple[PackedShard, ...] = ()
    next: tuple[int, int] | None


def read_manifest(shelf: Shelf) -> Manifest | None:
    """Return the manifest of a pack, None if there is none.

    Raises:
        ValueError: If bigpicture did not write it, or it cannot be read.
    """
    content = shelf.read(MANIFEST)
    if content is None:
        return None
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(
            f"{shelf.place}/{MANIFEST} is none that bigpicture wrote ({error.error_count()} keys "
            "are missing or wrong); give a folder without it"
        ) from error
