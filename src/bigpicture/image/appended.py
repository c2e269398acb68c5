"""What phones append to a JPEG and announce in its XMP: an HDR gain map (Ultra HDR) or a video.

    XMP ──▶ XMP without the announcements, names of what they announced

Neither is enlarged nor kept, so the XMP of an enlargement must not announce them.

Source: Android, "Ultra HDR Image Format", version 1.1; "Motion photo format", version 1.0.
    https://developer.android.com/media/platform/hdr-image-format
    https://developer.android.com/media/platform/motion-photo-format
"""

import re

__all__ = ["without_appended"]

_KINDS = {
    "HDR gain map": re.compile(rb"\bhdrgm:\w|[\"'>]GainMap\b"),
    "video (motion photo)": re.compile(rb"\bG?Camera:(?:MotionPhoto|MicroVideo)\b\W{1,4}[1-9]"),
}
_NAMES = rb"(?:hdrgm:\w+|G?Camera:(?:MotionPhoto|MicroVideo)\w*)"
_ANNOUNCED = re.compile(
    rb"\s(?:%b)\s*=\s*(?:\"[^\"]*\"|'[^']*')" % _NAMES
    + rb"|<(%b)>[^<]*</\1>" % _NAMES
    + rb"|<Container:Directory\b.*?</Container:Directory>",
    re.DOTALL,
)


def without_appended(xmp: bytes) -> tuple[bytes, list[str]]:
    """Return an XMP packet without announcements of appended data, and what it had announced.

    >>> without_appended(b'<rdf:Description GCamera:MotionPhoto="1" a:b="c"/>')
    (b'<rdf:Description a:b="c"/>', ['video (motion photo)'])
    """
    found = [name for name, sign in _KINDS.items() if sign.search(xmp)]
    return (_ANNOUNCED.sub(b"", xmp) if found else xmp), found
