from hypothesis import given
from hypothesis import strategies as st

from bigpicture.image import Metadata
from bigpicture.image.directories import read_directory, write_directories
from bigpicture.image.exif import upright


@given(st.binary(max_size=200), st.sampled_from([b"II*\0", b"MM\0*", b""]))
def test_no_exif_block_is_too_broken(body, header):
    block = header + body
    metadata = upright(Metadata(exif=b"Exif\0\0" + block, xmp=block))
    assert len(metadata.exif) == len(block) + 6
    read_directory(block)


entries = st.dictionaries(
    st.integers(1, 0x80FF),
    st.binary(max_size=9).map(lambda value: (7, len(value), value)),
    max_size=5,
)


@given(entries, entries, entries)
def test_directories_are_read_as_they_were_written(main, exposure, place):
    written = write_directories(main, {0x8769: exposure, 0x8825: place}, 8)
    block = b"II*\0\x08\0\0\0" + written
    found = read_directory(block)
    for tag, part in ((0x8769, exposure), (0x8825, place)):
        if part:
            assert read_directory(block, found.pop(tag)[2]) == part
    assert found == main


def test_orientation_in_xmp_is_reset_too():
    xmp = b'<a tiff:Orientation="6"/><tiff:Orientation>8</tiff:Orientation>'
    reset = b'<a tiff:Orientation="1"/><tiff:Orientation>1</tiff:Orientation>'
    assert upright(Metadata(xmp=xmp)).xmp == reset
