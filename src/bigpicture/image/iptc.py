"""IPTC records in JPEG: put into and taken out of the Photoshop resource block that holds them.

    records ──wrapped_iptc──▶ "Photoshop 3.0", 8BIM resources ──unwrapped_iptc──▶ records

Of the Photoshop resources, only these records are read; the others are skipped.

Source: Adobe Photoshop File Formats Specification, "Image Resource Blocks", resource 0x0404.
"""

import struct

_HEADER = b"Photoshop 3.0\0"
_RECORDS = 0x0404


def wrapped_iptc(records: bytes) -> bytes:
    """Return IPTC records wrapped in a Photoshop block, as JPEG stores them.

    >>> unwrapped_iptc(wrapped_iptc(b"records"))
    b'records'
    """
    resource = b"8BIM" + struct.pack(">HHI", _RECORDS, 0, len(records)) + records
    return _HEADER + resource + b"\0" * (len(records) % 2)


def unwrapped_iptc(block: bytes) -> bytes | None:
    """Return the IPTC records of a Photoshop block, None if it has none; else the block itself."""
    if not block.startswith(_HEADER):
        return block
    position = len(_HEADER)
    while block[position : position + 4] == b"8BIM" and position + 12 <= len(block):
        identity = int.from_bytes(block[position + 4 : position + 6], "big")
        # The name, behind its length, is padded to an even number of bytes; so is the data.
        size_at = position + 6 + (block[position + 6] + 2) // 2 * 2
        (size,) = struct.unpack(">I", block[size_at : size_at + 4].ljust(4, b"\0"))
        if identity == _RECORDS:
            return block[size_at + 4 : size_at + 4 + size]
        position = size_at + 4 + (size + 1) // 2 * 2
    return None
