"""Which files of a folder are pictures, by their names."""

from pathlib import Path, PurePosixPath

__all__ = ["RAW", "SUFFIXES", "images_in", "is_image_name"]

RAW = frozenset(
    {".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".rw2", ".orf", ".raf", ".pef", ".srw"}
)
"""What cameras write, and what has to be developed before it is a picture."""

SUFFIXES = RAW | frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".jfif", ".heic", ".heif", ".jxl", ".jp2"}
)
"""Kinds that cannot be read are among them: an error that names the file is better than a silent
gap in a training set or a mean over the others."""


def is_image_name(name: str) -> bool:
    """Return whether a file is a picture by its name, and not hidden."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def images_in(folder: Path) -> list[Path]:
    """Return the image files of a folder, sorted, without hidden ones and those in its folders.

    Raises:
        ValueError: If there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; give one that holds image files")
    files = sorted(file for file in folder.iterdir() if is_image_name(file.name))
    if not files:
        raise ValueError(f"{folder} has no image files ({', '.join(sorted(SUFFIXES))})")
    return files
