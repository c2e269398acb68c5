"""What a recipe names as its training data, as sources of pictures.

photographs/ · packs/df2k · s3://bucket/df2k/{000..012}.tar ──▶ [PictureFile, …, Shard, …]
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from bigpicture.data.folders import SUFFIXES, images_in
from bigpicture.data.layouts import high_files, low_files
from bigpicture.data.originals import PairOfFiles, PictureFile, Source
from bigpicture.data.packs import Manifest, read_manifest
from bigpicture.data.remote import RemoteFile, Shelf, locate
from bigpicture.data.settings import Place
from bigpicture.data.shards import Shard

__all__ = ["find_pairs", "find_sources"]

HIGH, LOW = "high", "low"
"""Folders of a pack of pairs."""


def find_pairs(high: Place, low: Place, scale: int) -> Sequence[Source]:
    """Return the pictures of a folder with their low-resolution versions in another.

    Raises:
        ValueError: If a folder is missing or empty, no path, or files have no partner or two.
    """
    if not isinstance(high, Path) or not isinstance(low, Path):
        raise ValueError(f"{high} and {low} must be folders; URLs may be of shards with pairs")
    files = high_files(high, scale)
    partners = low_files(files, low, scale)
    return [PairOfFiles(file, partners[name]) for name, file in files.items()]


def find_sources(place: Place) -> Sequence[Source]:
    """Return the pictures that a place holds, without decoding any.

    Args:
        place: A folder of pictures, what `bigpicture data prepare` wrote, a tar file, or a URL of
            one of these. Tar files may be many: `{000..012}.tar`.

    Raises:
        ValueError: If there is nothing of that kind, or a pack is not complete.
    """
    text = str(place)
    if text.endswith(".tar"):
        return [Shard(each) for each in _expanded(text)]
    shelf = Shelf(text)
    manifest = read_manifest(shelf)
    if manifest is not None:
        return _packed(shelf, manifest)
    if isinstance(place, Path):
        tars = sorted(place.glob("*.tar")) if place.is_dir() else []
        return [Shard(str(tar)) for tar in tars] or [PictureFile(p) for p in images_in(place)]
    return _listed(shelf)


def _packed(shelf: Shelf, manifest: Manifest) -> Sequence[Source]:
    if manifest.next is not None:
        raise ValueError(
            f"{shelf.place} is not complete: {manifest.next[0]} of {len(manifest.pictures)} "
            "pictures are packed; go on with bigpicture data prepare --resume"
        )
    if manifest.cutting.form == "folder":
        if manifest.cutting.scale is not None:
            raise ValueError(
                f"{shelf.place} holds pairs; name {shelf.place}/{HIGH} in data.train and "
                f"{shelf.place}/{LOW} in data.low"
            )
        here = "://" not in shelf.place
        return [PictureFile(p) for p in images_in(Path(shelf.place))] if here else _listed(shelf)
    for shard in manifest.shards:
        with locate(f"{shelf.place}/{shard.name}") as (system, path):
            size = system.size(path)
        if size != shard.bytes:
            raise ValueError(
                f"{shelf.place}/{shard.name} has {size} bytes, not {shard.bytes} as its manifest "
                "says; fetch it again"
            )
    return [Shard(f"{shelf.place}/{shard.name}") for shard in manifest.shards]


def _listed(shelf: Shelf) -> Sequence[Source]:
    """Return the tar files, or else the pictures, in a folder far away."""
    names = shelf.names()
    tars = [Shard(f"{shelf.place}/{name}") for name in names if name.endswith(".tar")]
    pictures = [n for n in names if PurePosixPath(n).suffix.lower() in SUFFIXES]
    found = tars or [RemoteFile(f"{shelf.place}/{name}") for name in pictures]
    if not found:
        raise ValueError(f"{shelf.place} has no .tar or image files; check its spelling")
    return found


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
