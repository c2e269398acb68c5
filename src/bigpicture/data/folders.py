"""Image files of a folder, recognised by their names."""

from pathlib import Path, PurePosixPath

__all__ = ["RAW", "SUFFIXES", "images_in", "is_image_name"]

RAW = frozenset(
    {".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".rw2", ".orf", ".raf", ".pef", ".srw"}
)
"""Raw files of cameras, which must be developed into pictures first."""

SUFFIXES = RAW | frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".jfif", ".heic", ".heif", ".jxl", ".jp2"}
)
"""Includes formats that cannot be read: an error that names the file is better than a silent gap in
a training set, or a mean over the remaining files."""


def is_image_name(name: str) -> bool:
    """Return whether a file name is that of an image and not hidden."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly in a folder, sorted, without hidden ones.

    Raises:
        ValueError: If there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; give one that holds image files")
    files = sorted(file for file in folder.iterdir() if is_image_name(file.name))
    if not files:
        raise ValueError(f"{folder} has no image files ({', '.join(sorted(SUFFIXES))})")
    return files
