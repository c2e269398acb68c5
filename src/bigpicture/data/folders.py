"""Which files of a folder are pictures, by their names."""

from pathlib import Path

__all__ = ["SUFFIXES", "images_in"]

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".avif", ".gif"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".jfif", ".heic", ".heif", ".jxl", ".jp2"}
)
"""Kinds that cannot be read are among them: an error that names the file is better than a silent
gap in a training set or a mean over the others."""


def images_in(folder: Path) -> list[Path]:
    """Return the image files of a folder, sorted, without hidden ones and those in its folders.

    Raises:
        ValueError: If there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; give one that holds image files")
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise ValueError(f"{folder} has no image files ({', '.join(sorted(SUFFIXES))})")
    return files
