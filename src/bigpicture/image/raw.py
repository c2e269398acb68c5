"""Raw files of cameras, most of which are TIFFs: of a preview, and of what the sensor has seen.

Whoever decodes their first page has the preview, or a mosaic in which each pixel is of one colour.
Neither is the picture; that has to be developed.

Source: Adobe, "Digital Negative (DNG) Specification", version 1.7, "DNGVersion",
    "PhotometricInterpretation"; ISO 12234-2 (TIFF/EP), whose first page is a smaller version.
"""

from bigpicture.image.content import Content
from bigpicture.image.directories import directories, entries, full_pages, layout_of

__all__ = ["check_developed"]

_DNG_VERSION, _PHOTOMETRIC = 0xC612, 0x0106
_SENSOR = (32803, 34892)  # a mosaic of colour filters, and one that was filled
_CANON = b"CR"  # behind the header


def check_developed(tiff: Content) -> None:
    """Refuse a file that holds a picture only as a sensor has seen it, or no more than previews.

    Raises:
        ValueError: If it is one.
    """
    chain, layout = directories(tiff), layout_of(tiff)
    if not chain:
        return  # whatever it is, a decoder says more of it
    said = {
        tag: at + layout.entry - layout.word for at, tag, _, _ in entries(tiff, chain[0], layout)
    }
    colours = said.get(_PHOTOMETRIC, len(tiff))
    undeveloped = layout.number(tiff[colours : colours + 2]) in _SENSOR
    if undeveloped or _DNG_VERSION in said or tiff[8:10] == _CANON or not full_pages(tiff):
        raise ValueError(
            "it is the raw file of a camera, or another that holds only a preview; develop it "
            "first, to TIFF or PNG"
        )
