"""The places that a recipe names as training data, as sources of pictures.

photographs/ · packs/df2k · s3://bucket/df2k/{000..012}.tar ──▶ [PictureFile, …, Shard, …]
"""

import os
from collections.abc import Sequence
from pathlib import Path

from bigpicture.data.folders import images_in, is_image_name
from bigpicture.data.layouts import high_files, low_files
from bigpicture.data.originals import PairOfFiles, PictureFile, Source
from bigpicture.data.packs import MANIFEST, Manifest, read_manifest
from bigpicture.data.remote import RemoteFile, Shelf, locate
from bigpicture.data.settings import Place
from bigpicture.data.shards import Shard

__all__ = ["find_pairs", "find_sources"]

HIGH, LOW = "high", "low"
"""Subfolders of a pack of pairs."""


def find_pairs(high: Place, low: Place, scale: int) -> Sequence[Source]:
    """Return the pictures of a folder, paired with their low-resolution versions in another.

    Raises:
        ValueError: If a folder is missing or empty, is a URL, or belongs to an incomplete pack, or
            a file has no partner, or two.
    """
    if not isinstance(high, Path) or not isinstance(low, Path):
        raise ValueError(f"{high} and {low} must be folders; URLs may be of shards with pairs")
    for folder in (high, low):
        _check_half(folder)
    files = high_files(high, scale)
    partners = low_files(files, low, scale)
    return [PairOfFiles(file, partners[name]) for name, file in files.items()]


def find_sources(place: Place) -> Sequence[Source]:
    """Return sources of the pictures that a place holds, without decoding any.

    Args:
        place: A folder of pictures, a pack of `bigpicture data prepare`, a tar file, or a URL of
            one of these. Patterns name several tar files: `{000..012}.tar`.

    Raises:
        ValueError: If there is nothing of that kind, image files lie beside tar files, or a pack is
            incomplete.
    """
    text = str(place)
    if text.endswith(".tar"):
        return [Shard(each) for each in _expanded(text)]
    shelf = Shelf(text)
    manifest = read_manifest(shelf)
    if manifest is not None:
        return _packed(place, shelf, manifest)
    _check_half(place)
    return _all_in(place)


def _packed(place: Place, shelf: Shelf, manifest: Manifest) -> Sequence[Source]:
    _check_complete(shelf, manifest)
    if manifest.cutting.form == "folder":
        if manifest.cutting.scale is not None:
            raise ValueError(
                f"{shelf.place} holds pairs; name {shelf.place}/{HIGH} in data.train and "
                f"{shelf.place}/{LOW} in data.low"
            )
        crops = _all_in(place)
        _check_count(place, len(crops), shelf, manifest)
        return crops
    for shard in manifest.shards:
        with locate(f"{shelf.place}/{shard.name}") as (system, path):
            size = system.size(path)
        if size != shard.bytes:
            raise ValueError(
                f"{shelf.place}/{shard.name} has {size} bytes, not {shard.bytes} as its manifest "
                "says; fetch it again"
            )
    return [Shard(f"{shelf.place}/{shard.name}") for shard in manifest.shards]


def _check_half(place: Place) -> None:
    """Refuse the high- or low-resolution half of an incomplete pack of pairs."""
    here = Path(os.path.realpath(place)).as_posix() if isinstance(place, Path) else place
    pack, _, half = here.rstrip("/").rpartition("/")
    if half not in (HIGH, LOW):
        return
    shelf = Shelf(pack)
    try:
        manifest = read_manifest(shelf)
    except ValueError:  # another program's: the folder is no pack
        return
    if manifest is not None and manifest.cutting.scale and manifest.cutting.form == "folder":
        _check_complete(shelf, manifest)
        _check_count(place, len(_all_in(place)), shelf, manifest)


def _check_complete(shelf: Shelf, manifest: Manifest) -> None:
    if manifest.next is not None:
        raise ValueError(
            f"{shelf.place} is not complete: {manifest.next[0]} of {len(manifest.pictures)} "
            "pictures are packed; go on with bigpicture data prepare --resume"
        )


def _check_count(place: Place, count: int, shelf: Shelf, manifest: Manifest) -> None:
    packed = sum(picture.crops for picture in manifest.pictures)
    if count != packed:
        raise ValueError(
            f"{place} has {count} crops, not {packed} as {shelf.place}/{MANIFEST} says; pack the "
            "pictures again, into a new folder, or, if you changed it yourself, remove that file"
        )


def _all_in(place: Place) -> Sequence[Source]:
    """Return the tar files or the pictures in a local or remote folder."""
    names = Shelf(str(place)).names()
    tars = [name for name in names if name.endswith(".tar")]
    pictures = [name for name in names if is_image_name(name)]
    if tars and pictures:
        raise ValueError(
            f"{place} has tar files ({tars[0]}) beside image files ({pictures[0]}), which would be "
            "left out; put them into folders of their own, and name both"
        )
    if tars:
        return [Shard(f"{place}/{name}") for name in tars]
    if isinstance(place, Path):
        return [PictureFile(path) for path in images_in(place)]
    if not pictures:
        raise ValueError(f"{place} has no .tar or image files; check its spelling")
    return [RemoteFile(f"{place}/{name}") for name in pictures]


def _expanded(text: str) -> list[str]:
    if "{" not in text:
        return [text]
    try:
        from braceexpand import braceexpand
    except ImportError as error:
        raise ValueError(
            f"{text} needs more packages ({error}); pip install 'bigpicture[data]'"
        ) from error
    return list(braceexpand(text))
