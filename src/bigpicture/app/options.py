"""Options that several commands share, and parsers for their values."""

import re
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bigpicture.app.console import refuse

if TYPE_CHECKING:
    from bigpicture.infer.model import Model

COMPUTED = "Computation"
"""The `--help` panel for options that hardly change the result."""

Colour = Literal["keep", "srgb"]
"""Whether colours stay in their own space or are converted to sRGB."""

Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda, cuda:1, mps, … auto selects the fastest one available.",
        rich_help_panel=COMPUTED,
    ),
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    typer.Option(
        help="Number format to compute in. auto selects bf16 for 8-bit pictures on NVIDIA GPUs "
        "and CPUs with bf16 instructions, else fp32.",
        rich_help_panel=COMPUTED,
    ),
]
Tile = Annotated[
    str,
    typer.Option(
        metavar="auto|N|off",
        help="Side in pixels of the tiles that large pictures are cut into; auto fits them to the "
        "memory.",
        rich_help_panel=COMPUTED,
    ),
]
Ensemble = Annotated[
    bool,
    typer.Option(
        "--ensemble",
        help="Average over the 8 rotations and reflections: slightly better, 8 times slower.",
        rich_help_panel=COMPUTED,
    ),
]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Return (height, width) of a size `WIDTHxHEIGHT`; refuse anything else.

    >>> parse_size("1920x1080")
    (1080, 1920)
    """
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d*)\s*[x×]\s*([1-9]\d*)", text.strip().lower())
    if found is None:
        refuse(f"--size {text}: give WIDTHxHEIGHT in pixels, such as 1920x1080")
    return int(found[2]), int(found[1])


def parse_pixel(text: str | None) -> tuple[int, int] | None:
    """Return (row, column) of a pixel `COLUMN,ROW`; refuse anything else.

    >>> parse_pixel("120,80")
    (80, 120)
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*", text)
    if found is None:
        refuse(f"--at {text}: give COLUMN,ROW in pixels from the top left, such as 120,80")
    return int(found[2]), int(found[1])


def parse_tile(text: str) -> int | Literal["auto", "off"]:
    """Return the side of a tile, "auto" or "off"; refuse anything else.

    >>> parse_tile("256"), parse_tile("off")
    (256, 'off')
    """
    if text in ("auto", "off"):
        return text
    if not re.fullmatch(r"[1-9]\d*", text):
        refuse(f"--tile {text}: give auto, off, or the side of a tile in pixels, such as 256")
    return int(text)


def load_model(name: str, device: str) -> "Model":
    """Load a model onto a device; refuse unknown names, unusable files and missing devices."""
    from bigpicture import load
    from bigpicture.infer.device import choose_device

    try:
        return load(name).to(choose_device(device))
    except (ValueError, OSError) as error:
        refuse(error)


def check_effect(option: str, value: object, needed: str, met: bool) -> None:
    """Refuse an option that would do nothing, for lack of another.

    Args:
        option: Its name.
        value: Its value; None or False if it is not given.
        needed: The other option.
        met: Whether that is given.
    """
    if value is None or value is False or met:
        return
    given = option if value is True else f"{option} {value}"
    refuse(f"{given} has no effect without {needed}; add that, or leave it out")
