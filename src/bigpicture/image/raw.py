"""Detection of cameras' raw files, most of which are TIFFs of a preview and of the sensor's data.

Decoding their first page gives the preview, or a mosaic in which each pixel has one colour. Neither
is the picture, which has to be developed first.

Source: Adobe, "Digital Negative (DNG) Specification", version 1.7, "DNGVersion",
    "PhotometricInterpretation"; ISO 12234-2 (TIFF/EP), whose first page is a smaller version.
"""

from bigpicture.image.content import Content
from bigpicture.image.directories import directories, entries, full_pages, layout_of

__all__ = ["check_developed"]

_DNG_VERSION, _PHOTOMETRIC = 0xC612, 0x0106
_SENSOR = (32803, 34892)  # a colour filter mosaic, and a demosaiced one
_CANON = b"CR"  # right behind the header


def check_developed(tiff: Content) -> None:
    """Refuse a file that holds only undeveloped sensor data or previews.

    Raises:
        ValueError: If it does.
    """
    chain, layout = directories(tiff), layout_of(tiff)
    if not chain:
        return  # the decoder's error will say more
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
