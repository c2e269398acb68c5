"""Folder layouts and file names of benchmark sets.

Set5, scale 2 ──▶ Set5/HR, Set5/LR_bicubic/X2        baby.png, babyx2.png ──▶ baby

high-resolution          low-resolution             names                     used by
HR                       LR_bicubic/X2              baby, babyx2              EDSR, most others
GTmod12                  LRbicx4                    baby, baby                BasicSR
image_SRF_2              the same                   img_SRF_2_HR, …_LR        SelfExSR
DIV2K_valid_HR           DIV2K_valid_LR_bicubic/X2  0801, 0801x2              DIV2K
HR/Set5/x2               LR/LRBI/Set5/x2            baby_HR_x2, baby_LRBI_x2  RCAN, as two folders
pictures themselves      none                       any                       anyone
"""

import re
from dataclasses import dataclass
from pathlib import Path

from bigpicture.data.folders import images_in, is_image_name

__all__ = ["Layout", "find_layout", "find_sets", "high_files", "low_files", "set_name"]

_LAYOUTS = (
    ("HR", "LR_bicubic"),
    ("GTmod12", "LRbicx{scale}"),
    ("image_SRF_{scale}", "image_SRF_{scale}"),
    ("DIV2K_valid_HR", "DIV2K_valid_LR_bicubic"),
    ("HR", "LRbicx{scale}"),
    ("GT", "LRbicx{scale}"),
    ("original", "LRbicx{scale}"),
)
_NO_NAMES = re.compile(r"HR|GT|GTmod\d+|original|LR\w*|image_SRF_\d+|[xX][\d.]+|DIV2K_valid_HR")
"""Folders that are named after what they hold, not after the set."""

_PARTS = re.compile(r"(\d+)")  # so that Set5 comes before Set14

_KINDS = {
    "bi": r"LR_?bic\w*|LRBIx?\d*|DIV2K_\w+_bicubic|image_SRF_\d+",
    "bd": r"LR_?BD(x\d+)?",
    "dn": r"LR_?DN\d*(x\d+)?",
}


@dataclass(frozen=True)
class Layout:
    """Where a set's pictures are.

    Attributes:
        name: Name of the set.
        high: Folder of the references.
        low: Folder of the low-resolution pictures, None if there are none for the scale.
        degradation: What made the low-resolution pictures: "bi", "bd", "dn", None if the folder's
            name does not say.
    """

    name: str
    high: Path
    low: Path | None
    degradation: str | None


def find_layout(high: Path, low: Path | None, scale: int | float) -> Layout:
    """Return where the pictures of a set are.

    Args:
        high: The set's folder, or that of its references.
        low: Folder of low-resolution pictures, if they are not in `high`.
        scale: How many times smaller the low-resolution pictures are.
    """
    name = set_name(high)
    found = [
        (high / up.format(scale=f"{scale:g}"), high / down.format(scale=f"{scale:g}"))
        for up, down in _LAYOUTS
    ]
    # A set may hold its references twice, whole and cropped: prefer those with partners.
    found = [pair for pair in found if pair[0].is_dir()]
    found.sort(key=lambda pair: _of_scale(pair[1], scale) is None)
    kind = None
    if low is not None:
        low = _inside(low, scale)
    if found:
        high, stored = found[0]
        low = low or _of_scale(stored, scale)
    elif low is None and any(high.glob(f"*_SRF_{scale:g}_LR.*")):
        low, kind = high, "bi"
    kind = _kind(low) if low is not None and kind is None else kind
    marked = _inside(high, scale)  # RCAN's; any other folder X2 holds no references
    high = marked if any(marked.glob(f"*_HR_x{scale:g}.*")) else high
    return Layout(name, high, low, kind)


def find_sets(folder: Path) -> list[Path]:
    """Return the sets in a folder: the folder itself, or those of its subfolders that are sets.

    Raises:
        ValueError: If there is no such folder, or no set in it.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder; give one that holds image files, or sets of them")
    if _is_set(folder):
        return [folder]
    inside = [path for path in folder.iterdir() if path.is_dir() and _is_set(path)]
    inside.sort(key=lambda path: [int(t) if t.isdigit() else t for t in _PARTS.split(path.name)])
    if not inside:
        raise ValueError(f"{folder} has no image files, and no benchmark set as Set5/HR in it")
    return inside


def high_files(folder: Path, scale: int | float) -> dict[str, Path]:
    """Return the references of a folder by name, in the order of their names.

    The marks of references are not part of the names: `_HR`, `_HR_x2`, `_SRF_2_HR`. Where
    references lie among other pictures, as in SelfExSR, only the references are returned.

    Raises:
        ValueError: If the folder is missing or has no references, or two share a name.
    """
    files = images_in(folder)
    mark = re.compile(rf"_SRF_{scale:g}_HR$")
    marked = [file for file in files if mark.search(file.stem)]
    if not marked:
        mark = re.compile(rf"_(HR|GT)(_x{scale:g})?$")
        marked = [file for file in files if mark.search(file.stem)]
        if len(marked) < len(files):  # then it is part of the names of some pictures
            mark, marked = re.compile("$"), files
    found: dict[str, Path] = {}
    for file in marked:
        name = mark.sub("", file.stem)
        if name in found:
            raise ValueError(f"{found[name]} and {file} share a name; keep one of them")
        found[name] = file
    return dict(sorted(found.items()))


def low_files(high: dict[str, Path], folder: Path, scale: int | float) -> dict[str, Path]:
    """Return the low-resolution file of each reference, by the reference's name.

    Raises:
        ValueError: If the folder is missing or has no pictures, or a file has no partner, or two.
    """
    files: dict[str, Path] = {}
    for file in images_in(folder):
        if file.stem in files:
            raise ValueError(f"{files[file.stem]} and {file} share a name; keep one of them")
        files[file.stem] = file
    references = {file.stem for file in high.values() if file.parent == folder}
    found: dict[str, Path] = {}
    alone = []
    for name, reference in high.items():
        stems = [name + ending.format(scale=f"{scale:g}") for ending in _ENDINGS]
        present = [files[stem] for stem in stems if stem in files and stem not in references]
        if not present:
            alone.append(f"{reference} has no partner in {folder}; it would be {stems[0]}.png")
        elif len(present) > 1:
            alone.append(f"{reference} has two partners, {present[0]} and {present[1]}")
        else:
            found[name] = present[0]
    if alone:
        raise ValueError("\n  ".join(alone))
    if not references:
        _check_nothing_is_left(files, found, folder)
    return found


_ENDINGS = (
    *("x{scale}", "_x{scale}", ""),
    *("_SRF_{scale}_LR", "_LR", "_LR_x{scale}"),
    *("_LRBI_x{scale}", "_LRBD_x{scale}", "_LRDN_x{scale}"),
)


def _check_nothing_is_left(files: dict[str, Path], found: dict[str, Path], folder: Path) -> None:
    # Files of other scales may lie beside them; any other file lacks its reference.
    alone = files.keys() - {file.stem for file in found.values()}
    alone = {stem for stem in alone if re.sub(r"_?x[\d.]+$", "", stem) not in found}
    if alone:
        example = files[min(alone)]
        raise ValueError(f"{example} has no high-resolution partner ({len(alone)} such files)")


def _of_scale(folder: Path, scale: int | float) -> Path | None:
    """Return the folder with a scale's low-resolution pictures, None if there is none."""
    inside = _inside(folder, scale)
    named = re.search(rf"x{scale:g}$|SRF_{scale:g}$", folder.name) is not None
    return inside if inside.is_dir() and (named or inside != folder) else None


def _inside(folder: Path, scale: int | float) -> Path:
    """Return the subfolder of a scale, or the folder itself if it has none."""
    steps = (folder / f"{letter}{scale:g}" for letter in "Xx")
    return next((step for step in steps if step.is_dir()), folder)


def set_name(folder: Path) -> str:
    """Return the name of the set that a folder holds, or holds a part of.

    >>> set_name(Path("benchmarks/Set5/HR")), set_name(Path("cats"))
    ('Set5', 'cats')
    """
    own = folder.absolute()
    names = [path.name for path in (own, *own.parents) if path.name]
    return next((name for name in names if not _NO_NAMES.fullmatch(name)), own.name)


def _kind(low: Path) -> str | None:
    """Return the degradation that a folder, or one of its parents, is named after."""
    for part in reversed(low.parts[-4:]):
        for kind, names in _KINDS.items():
            if re.fullmatch(names, part):
                return kind
    return None


def _is_set(folder: Path) -> bool:
    patterns = (up.format(scale="*") for up, _ in _LAYOUTS)
    inside = any(path.is_dir() for pattern in patterns for path in folder.glob(pattern))
    inside = inside or any(folder.glob("[xX][0-9]*/*_HR_x[0-9]*.*"))  # RCAN's
    return inside or any(is_image_name(file.name) for file in folder.iterdir())
