"""What other programs wrote, what is damaged, and what is no image at all."""

import io
import os
import re
import struct
import zlib

import numpy as np
import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from bigpicture.image import ImageError, ImageWarning, Picture, content, decode, encode, read
from bigpicture.image.read import explain

RNG = np.random.default_rng(3)
RGB = RNG.integers(0, 256, (11, 17, 3), dtype=np.uint8)


def saved(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc


def png(pixels: np.ndarray, colour: int, *between: bytes) -> bytes:
    """Return a 16-bit PNG written from the specification, which Pillow cannot."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(between) + body


MODES = [
    *(("PNG", mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16")),
    *(("TIFF", mode) for mode in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16", "F")),
    *(("WEBP", mode) for mode in ("RGB", "RGBA")),
    *(("GIF", mode) for mode in ("RGB", "P")),
    *(("PPM", mode) for mode in ("1", "L", "RGB", "I;16")),
    *(("AVIF", mode) for mode in ("RGB", "RGBA")),
    *(("JPEG", mode) for mode in ("L", "RGB")),
]


def image_of(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(RNG.integers(0, 65536, (11, 17), dtype=np.uint16))
    if mode == "F":
        return Image.fromarray(RNG.random((11, 17), dtype=np.float32))
    if mode in ("LA", "RGBA"):
        image = Image.fromarray(RGB).convert(mode)
        image.putalpha(Image.fromarray(RGB[..., 1]))
        return image
    return Image.fromarray(RGB).convert(mode)


@pytest.mark.parametrize(("format", "mode"), MODES)
def test_what_pillow_writes_is_read_as_pillow_reads_it(format, mode):
    options = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"subsampling": "4:4:4"}}
    data = saved(image_of(mode), format, **options.get(format, {}))
    picture = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        if image.mode in ("P", "1"):
            image = image.convert("L" if mode == "1" else "RGB")
        expected = np.array(image)
    found = picture.array() if picture.array().shape[2] > 1 else picture.colour[..., 0]
    assert found.shape == expected.shape
    assert picture.bits == {"I;16": 16, "F": 32}.get(mode, 8)
    tolerance = 3 if format in ("AVIF", "JPEG") else 0  # two decoders of one lossy file
    assert np.abs(found.astype(float) - expected.astype(float)).max() <= tolerance


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (4, 2), (2, 3), (6, 4)])
def test_16_bit_png_is_read_as_stored_whatever_its_gamma(colour, channels):
    pixels = RNG.integers(0, 65536, (9, 7, channels), dtype=np.uint16)
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))  # linear light: not to be applied
    with pytest.warns(ImageWarning, match=r"states a gamma of 1/1\.00"):
        picture = decode(png(pixels, colour, gamma))
    np.testing.assert_array_equal(picture.array(), pixels)


def test_16_bit_transparent_colour_becomes_alpha():
    pixels = RNG.integers(1, 65536, (5, 4, 3), dtype=np.uint16)
    pixels[2, 1] = (1, 2, 65535)
    picture = decode(png(pixels, 2, chunk(b"tRNS", struct.pack(">HHH", 1, 2, 65535))))
    np.testing.assert_array_equal(picture.colour, pixels)
    assert picture.alpha[2, 1] == 0 and (picture.alpha > 0).sum() == 19


def test_palette_with_transparency_becomes_rgb_and_alpha():
    image = Image.fromarray(RGB).quantize(16)
    data = saved(image, "PNG", transparency=bytes(range(0, 160, 10)))
    with Image.open(io.BytesIO(data)) as again:
        np.testing.assert_array_equal(decode(data).array(), np.array(again.convert("RGBA")))


def test_transparent_gif_and_its_first_frame():
    frames = [Image.new("P", (6, 5), index) for index in range(3)]
    for frame in frames:
        frame.putpalette([250, 0, 0, 0, 250, 0, 0, 0, 250])
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    with pytest.warns(ImageWarning, match="3 frames, of which only the first"):
        assert (decode(data).colour == (250, 0, 0)).all()
    frames[0].putpixel((2, 1), 1)
    picture = decode(saved(frames[0], "GIF", transparency=1))
    assert picture.alpha[1, 2] == 0 and (picture.alpha == 255).sum() == 29


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_reset(format, orientation):
    rows, columns = np.mgrid[:24, :40]
    source = np.stack([rows * 10, columns * 6, rows * 0], 2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(source), format, exif=exif.tobytes(), dpi=(100, 200))
    picture = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.array(ImageOps.exif_transpose(image), dtype=int)
    assert picture.colour.shape == expected.shape
    assert np.abs(picture.colour - expected).mean() < 4
    if format in ("JPEG", "PNG", "TIFF"):
        across = tuple(round(side * 25.4) for side in picture.metadata.pixels_per_mm)
        assert across == ((100, 200) if orientation < 5 else (200, 100))
    with Image.open(io.BytesIO(encode(picture, "png"))) as image:
        assert image.getexif().get(0x0112, 1) == 1
        np.testing.assert_array_equal(np.array(image), picture.colour)
    if picture.metadata.exif is not None:
        block = Image.Exif()
        block.load(picture.metadata.exif)
        assert block.get(0x0112, 1) == 1


def test_cmyk_jpeg_without_profile_is_converted_by_the_built_in_one():
    data = saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)
    picture = decode(data)
    red, green, blue = picture.colour[4, 4].astype(int)
    assert picture.bits == 8 and red > 200 and green < 80 and blue < 80
    assert picture.metadata.icc is None or picture.metadata.icc[16:20] == b"RGB "


def odd_cmyk_profile() -> bytes:
    """Return libvips' CMYK profile with a part of its tables turned over, unlike any press."""
    image = pyvips.Image.new_from_array(RGB).icc_transform("cmyk", input_profile="srgb")
    profile = bytearray(image.get("icc-profile-data"))
    for entry in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12):
        name, start, size = struct.unpack_from(">4sII", profile, entry)
        if name.startswith(b"A2B"):
            middle = slice(start + size // 2, start + size * 3 // 4)
            profile[middle] = bytes(255 - value for value in profile[middle])
    return bytes(profile)


def test_cmyk_jpeg_goes_through_its_own_profile():
    profile = odd_cmyk_profile()
    image = Image.merge(
        "CMYK", [Image.linear_gradient("L").resize((32, 32)).rotate(90 * turn) for turn in range(4)]
    )
    data = saved(image, "JPEG", quality=100, icc_profile=profile)
    picture = decode(data)
    with Image.open(io.BytesIO(data)) as again:
        expected = ImageCms.profileToProfile(
            again,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    assert np.abs(picture.colour - np.array(expected, int)).mean() < 2
    plain = decode(saved(image, "JPEG", quality=100))
    assert np.abs(picture.colour - plain.colour.astype(int)).mean() > 10
    assert picture.metadata.icc is None or picture.metadata.icc[16:20] == b"RGB "


def test_a_cmyk_profile_that_is_no_profile_is_passed_over():
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    picture = decode(saved(image, "JPEG", icc_profile=b"nonsense" * 40))
    assert picture.colour[4, 4, 0] > 200


def test_cmyk_tiff_keeps_16_bits():
    deep = pyvips.Image.new_from_array(np.full((4, 4, 4), 9999, np.uint16))
    picture = decode(deep.copy(interpretation="cmyk").tiffsave_buffer())
    assert picture.bits == 16 and picture.colour.shape == (4, 4, 3)


def test_lab_tiff_becomes_srgb():
    picture = decode(pyvips.Image.new_from_array(RGB).colourspace("lab").tiffsave_buffer())
    assert picture.bits == 8
    assert np.abs(picture.colour - RGB.astype(int)).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("space", ["b-w", "srgb"])
def test_associated_alpha_is_divided_out_to_the_nearest_level(dtype, space):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    alpha = np.linspace(0, white, 256).reshape(16, 16, 1).astype(dtype)
    shares = np.random.default_rng(0).random((16, 16, 1 if space == "b-w" else 3))
    stored = (alpha * shares).astype(dtype)
    deep = {np.uint8: space, np.uint16: {"b-w": "grey16", "srgb": "rgb16"}[space]}
    floats = {"b-w": "b-w", "srgb": "scrgb"}[space]
    image = pyvips.Image.new_from_array(np.dstack([stored, alpha]))
    data = bytearray(image.copy(interpretation=deep.get(dtype, floats)).tiffsave_buffer())
    first = struct.unpack_from("<I", data, 4)[0] + 2
    for entry in range(first, len(data), 12):
        if struct.unpack_from("<H", data, entry)[0] == 338:  # of extra samples
            struct.pack_into("<H", data, entry + 8, 1)  # the first is associated alpha
            break
    picture = decode(bytes(data))
    seen = alpha[..., 0] > (0.01 if white == 1 else 0)  # libvips makes such floats black
    quotients = (stored[seen].astype(np.float64) * white) / alpha[seen]
    if dtype != np.float32:
        quotients = np.floor(quotients + 0.5)
    np.testing.assert_array_equal(picture.alpha, alpha[..., 0])
    np.testing.assert_allclose(picture.colour[seen], quotients, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32"])
def test_numbers_that_no_picture_holds_are_refused_by_name(dtype):
    data = pyvips.Image.new_from_array(RGB.astype(dtype)).tiffsave_buffer()
    with pytest.raises(ImageError, match="convert it to 8 or 16 bits"):
        decode(data)


def test_too_many_channels_and_infinite_values_are_refused():
    many = pyvips.Image.new_from_array(np.zeros((4, 4, 6), np.uint8)).tiffsave_buffer()
    with pytest.raises(ImageError, match="6 channels"):
        decode(many)
    endless = pyvips.Image.new_from_array(np.full((4, 4, 1), np.inf, np.float32))
    with pytest.raises(ImageError, match="finite"):
        decode(endless.tiffsave_buffer())


def test_content_counts_not_the_suffix(tmp_path):
    path = tmp_path / "really.jpg"
    path.write_bytes(saved(Image.fromarray(RGB), "PNG"))
    np.testing.assert_array_equal(read(path).colour, RGB)
    np.testing.assert_array_equal(read(str(path)).colour, RGB)


@pytest.mark.parametrize(
    ("said", "lacking"),
    [
        ("tiff2vips: LERC compression support is not configured", True),
        ("heif: Unsupported feature: Unsupported codec (4.3000)", True),
        ("heif: No decoding plugin installed for this compression format (11.6003)", True),
        ('tiff2vips: Incompatible type for "Compression"', False),
        ("VipsJpeg: Corrupt JPEG data: premature end of data segment", False),
    ],
)
def test_what_is_damaged_is_not_taken_for_what_lacks_a_codec(said, lacking):
    told = explain(pyvips.Error("unable to load", said))
    assert said in told
    assert ("lacks the codec" in told) == lacking != ("is damaged" in told)


def test_a_huge_header_is_refused_before_decoding(tmp_path):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")))
    with pytest.raises(ImageError, match=r"bomb\.png.*60000 × 60000 pixels.*max_pixels"):
        read(path)
    small = saved(Image.fromarray(RGB), "PNG")
    with pytest.raises(ImageError, match="max_pixels = 186"):
        decode(small, max_pixels=186)
    assert decode(small, max_pixels=187).width == 17


def test_files_that_are_no_images_are_named(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no image at all")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for name, reason in {
        "empty.png": "empty",
        "text.png": "not an image",
        "folder.png": "folder",
        "pipe.png": "pipe",
        "missing.png": "does not exist",
    }.items():
        with pytest.raises(ImageError, match=rf"{name}.*{reason}"):
            read(tmp_path / name)
    with pytest.raises(ImageError, match="is not a valid file name: .*null"):
        read("nul\0.png")
    with pytest.raises(ImageError, match="too long"):
        read("x" * 5000)


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.write_bytes(saved(Image.fromarray(RGB), "PNG"))

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(io, "open", refuse)  # chmod does not stop root
    with pytest.raises(ImageError, match=r"secret\.png.*permissions"):
        read(path)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "PPM"])
def test_a_disk_that_fails_while_a_large_file_is_read_is_an_image_error(
    tmp_path, monkeypatch, format
):
    path = tmp_path / "a.png"
    path.write_bytes(saved(Image.fromarray(RGB), format))
    monkeypatch.setattr(content, "_LARGE", 1)
    whole, left = content.FileContent.__getitem__, 0

    def fail(self, part):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(5, "Input/output error")
        return whole(self, part)

    monkeypatch.setattr(content.FileContent, "__getitem__", fail)
    for reads in range(100):
        left = reads
        try:
            picture = read(path)
            break
        except ImageError as error:
            assert re.search(r"cannot read .*a\.png.*Input/output error", str(error))
    assert reads > 0
    np.testing.assert_array_equal(picture.colour, RGB)


def test_heic_is_not_called_avif():
    avif = saved(Image.fromarray(RGB), "AVIF")
    heic = avif.replace(b"ftypavif", b"ftypheic", 1)
    np.testing.assert_array_equal(decode(heic).colour, decode(avif).colour)
    for data, kind in ((avif, "AVIF"), (heic, "HEIC")):
        with pytest.raises(ImageError, match=rf"cannot read the image \({kind}\)"):
            decode(data[:-9])


SAMPLES = {
    "PNG": saved(Image.fromarray(RGB), "PNG"),
    "palette": saved(Image.fromarray(RGB).quantize(8), "PNG", transparency=3),
    "deep": png(RNG.integers(0, 65536, (9, 7, 4), dtype=np.uint16), 6),
    "JPEG": saved(Image.fromarray(RGB), "JPEG", exif=Image.Exif().tobytes(), dpi=(72, 72)),
    "progressive": saved(Image.fromarray(RGB), "JPEG", progressive=True),
    "CMYK": saved(Image.fromarray(RGB).convert("CMYK"), "JPEG"),
    "WebP": saved(Image.fromarray(RGB), "WEBP"),
    "lossless": saved(Image.fromarray(RGB), "WEBP", lossless=True),
    "TIFF": saved(Image.fromarray(RGB), "TIFF"),
    "LZW": saved(Image.fromarray(RGB), "TIFF", compression="tiff_lzw"),
    "float": encode(Picture(RGB.astype(np.float32)), "tiff"),
    "AVIF": saved(Image.fromarray(RGB), "AVIF"),
    "GIF": saved(Image.fromarray(RGB), "GIF"),
    "PPM": saved(Image.fromarray(RGB), "PPM"),
}
may_warn = pytest.mark.filterwarnings("ignore::bigpicture.image.ImageWarning")  # of pages
fuzzed = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@may_warn
@pytest.mark.parametrize("kind", SAMPLES)
@fuzzed
@given(data=st.data())
def test_a_truncated_file_is_an_error_or_whole(kind, data):
    whole = SAMPLES[kind]
    kept = data.draw(st.integers(0, len(whole) - 1))
    try:
        picture = decode(whole[:kept])
    except ImageError:
        return
    # What may be missing is an end mark, or metadata behind the pixels.
    np.testing.assert_array_equal(picture.array(), decode(whole).array())


def decodes_or_is_refused(data: bytes) -> bool:
    """Return whether damaged data gives a picture within the limit, or an error that says why."""
    try:
        picture = decode(data, name="damaged", max_pixels=100_000)
    except ImageError as error:
        return "damaged" in str(error)
    return 0 < picture.height * picture.width <= 100_000


@may_warn
@pytest.mark.parametrize("kind", SAMPLES)
@fuzzed
@given(data=st.data())
def test_flipped_bits_give_a_picture_or_an_error(kind, data):
    damaged = bytearray(SAMPLES[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert decodes_or_is_refused(bytes(damaged))


@may_warn
@given(st.binary(max_size=300), st.sampled_from([sample[:40] for sample in SAMPLES.values()]))
def test_noise_behind_a_signature_gives_a_picture_or_an_error(noise, head):
    assert decodes_or_is_refused(head + noise)


def test_reading_many_files_holds_none_of_them():
    data = saved(Image.fromarray(RNG.integers(0, 256, (300, 300, 3), dtype=np.uint8)), "PNG")
    decode(data)
    before = pyvips.cache_get_size()
    for _ in range(5):
        decode(bytes(bytearray(data)))
    assert pyvips.cache_get_size() <= before
