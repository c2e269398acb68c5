"""Files that were damaged, by chance or on purpose, and folders that lead nowhere.

Whatever they are: each is named, with a reason, nothing is written for it, the others are done.
"""

import io
import json
import os
import random
import struct
import sys
import time
import warnings
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import pyvips
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bigpicture.image import ImageError, ImageWarning, Metadata, Picture, encode, read
from bigpicture.image.directories import write_directories
from bigpicture.image.read import decode, decode_pages
from bigpicture.infer.peak import PeakMemory

RGB = np.random.default_rng(3).integers(0, 256, (11, 17, 3), dtype=np.uint8)
RGBA = np.random.default_rng(4).integers(0, 65536, (11, 17, 4), dtype=np.uint16)
SAID = Metadata(
    icc=pyvips.Operation.call("profile_load", "p3"),
    exif=Image.Exif().tobytes(),
    xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><tiff:Orientation>1</tiff:Orientation></x:xmpmeta>',
    iptc=b"\x1c\x02\x05\0\x04name",
)


def saved(format: str, mode: str = "RGB", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(buffer, format, **options)
    return buffer.getvalue()


def paged(format: str, frames: list[np.ndarray], **options) -> bytes:
    buffer = io.BytesIO()
    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(buffer, format, save_all=True, append_images=rest, **options)
    return buffer.getvalue()


def big_endian_tiff() -> bytes:
    """Return an uncompressed RGBA TIFF as a Macintosh wrote them."""
    pixels = (RGBA >> 8).astype(np.uint8).tobytes()
    values = struct.pack(">4H", 8, 8, 8, 8)
    entries = {256: 17, 257: 11, 259: 1, 262: 2, 277: 4, 278: 11, 279: len(pixels), 338: 2}
    entries[273] = start = 8 + 2 + 12 * (len(entries) + 2) + 4 + len(values)
    directory = b"".join(
        struct.pack(">HHII", tag, 4, 1, entries[tag])
        if tag != 258
        else struct.pack(">HHII", 258, 3, 4, start - len(values))
        for tag in sorted([*entries, 258])
    )
    head = struct.pack(">2sHIH", b"MM", 42, 8, len(entries) + 1)
    return head + directory + bytes(4) + values + pixels


WHOLE = {
    ".png": saved("PNG"),
    ".p.png": saved("PNG", "P"),
    ".deep.png": encode(Picture.from_array(RGBA), "png"),
    ".jpg": saved("JPEG", quality=95),
    ".progressive.jpg": saved("JPEG", progressive=True),
    ".cmyk.jpg": saved("JPEG", "CMYK"),
    ".said.jpg": encode(Picture(RGB, metadata=SAID), "jpeg"),
    ".webp": saved("WEBP"),
    ".lossless.webp": saved("WEBP", lossless=True),
    ".frames.webp": paged("WEBP", [RGB, RGB[::-1], RGB // 2]),
    ".tif": saved("TIFF", compression="tiff_lzw"),
    ".deflate.tif": saved("TIFF", compression="tiff_adobe_deflate"),
    ".pages.tif": paged("TIFF", [RGB, RGB[:7, :5]]),
    ".mac.tif": big_endian_tiff(),
    ".float.tif": encode(Picture(RGB.astype(np.float32)), "tiff"),
    ".avif": saved("AVIF"),
    ".gif": saved("GIF"),
    ".frames.gif": paged("GIF", [RGB, RGB[::-1], RGB // 2]),
    ".ppm": saved("PPM"),
}


@pytest.mark.filterwarnings("ignore::bigpicture.image.ImageWarning")
@pytest.mark.parametrize("suffix", WHOLE)
def test_what_is_to_be_damaged_is_whole(suffix):
    pages = list(decode_pages(WHOLE[suffix]))
    assert len(pages) == {".frames.webp": 3, ".frames.gif": 3, ".pages.tif": 2}.get(suffix, 1)
    assert (pages[0].height, pages[0].width) == RGB.shape[:2]
    if suffix in (".deep.png", ".mac.tif"):
        np.testing.assert_array_equal(pages[0].at_depth(16).array() >> 8, RGBA >> 8)
    if suffix == ".said.jpg":
        told = pages[0].metadata
        assert all((told.icc, told.exif, told.xmp, told.iptc))


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """Return a file cut short, with bits flipped, bytes lost, zeroed or doubled, or all noise."""
    data, at = bytearray(whole), chance.randrange(len(whole))
    size = chance.randrange(1, max(2, len(whole) // 4))
    match chance.randrange(6):
        case 0:
            return bytes(data[:at])
        case 1:
            for _ in range(chance.randrange(1, 20)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case 2:
            del data[at : at + size]
        case 3:
            data[at : at + size] = bytes(len(data[at : at + size]))
        case 4:
            data[at:at] = data[at : at + size]
        case 5:
            data[20:] = chance.randbytes(len(data) - 20)
    return bytes(data)


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Path:
    """A folder of 1,000 damaged files that no decoder takes for whole."""
    folder, chance, count = tmp_path_factory.mktemp("broken"), random.Random(0), 0
    while count < 1000:
        suffix = chance.choice(list(WHOLE))
        data = damaged(WHOLE[suffix], chance)
        with warnings.catch_warnings(action="ignore", category=ImageWarning):
            try:
                decode(data, max_pixels=10**6)
            except ImageError:
                (folder / f"{count:04}{suffix}").write_bytes(data)
                count += 1
    return folder


def test_a_thousand_damaged_files_are_each_named(bigpicture, make, tiny, tmp_path, broken):
    good = [make(tmp_path / "good" / f"{n}.png") for n in range(3)]
    report, out = tmp_path / "r.json", tmp_path / "out"
    start = time.process_time()
    result = bigpicture(
        "upscale", good[0], broken, *good[1:], "-o", out, "--model", tiny, "--json", report,
        "--max-pixels", 10**6,
    )  # fmt: skip
    assert result.exit_code == 1
    assert time.process_time() - start < 60  # not counting what else the machine does
    assert "Traceback" not in result.stderr
    items = json.loads(report.read_text())["items"]
    assert [item["status"] for item in items].count("done") == 3
    failed = {item["input"]: item["error"] for item in items if item["status"] == "failed"}
    assert len(failed) == 1000
    told = [line.split("failed   ", 1) for line in result.stderr.splitlines()]
    lines = [line[1] for line in told if len(line) > 1]
    assert len(lines) == 1000
    for path, line in zip(sorted(broken.iterdir()), lines, strict=True):
        assert line.startswith(f"{path}: ")
        assert path.name in failed[str(path)]
    assert sorted(path.name for path in out.iterdir()) == ["0_x2.png", "1_x2.png", "2_x2.png"]


@pytest.mark.filterwarnings("ignore::bigpicture.image.ImageWarning")
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(list(WHOLE)), st.integers(0, 2**32), st.sampled_from(["", "--all-pages"]))
def test_a_damaged_file_gives_a_whole_result_or_none(bigpicture, tiny, broken, suffix, seed, pages):
    folder = broken.parent / f"{broken.name}-{seed}"
    folder.mkdir(exist_ok=True)
    try:
        (folder / f"a{suffix}").write_bytes(damaged(WHOLE[suffix], random.Random(seed)))
        options = ["--model", tiny, "--max-pixels", 10**5, *pages.split()]
        result = bigpicture("upscale", folder, "-o", folder / "out", *options)
        results = list((folder / "out").iterdir()) if (folder / "out").exists() else []
        assert result.exit_code == (0 if results else 1)
        assert "Traceback" not in result.stderr
        assert len(results) < 2
        for path in results:
            assert read(path).width % 2 == 0
    finally:
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()


NOISE = [np.random.default_rng(n).integers(0, 256, (99, 99, 3), dtype=np.uint8) for n in range(3)]


@pytest.mark.parametrize("format", ["TIFF", "GIF", "WEBP"])
def test_a_page_that_breaks_half_way_leaves_no_half_result(bigpicture, tiny, tmp_path, format):
    options = {"TIFF": {"compression": "tiff_adobe_deflate"}, "WEBP": {"lossless": True}}
    whole = paged(format, NOISE, **options.get(format, {}))
    at = len(whole) * 4 // 5  # in the third, whose directory in a TIFF is behind it
    file = tmp_path / f"a.{format.lower()}"
    file.write_bytes(whole[:at] + (bytes(3000) + whole[at + 3000 :]) * (format == "TIFF"))
    out = tmp_path / "out"
    out.mkdir()
    result = bigpicture("upscale", file, "--model", tiny, "-o", out, "--all-pages")
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr and file.name in result.stderr
    assert list(out.iterdir()) == []


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, body: bytes, *between: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(between) + data


def huge_tiff() -> bytes:
    numbers = {
        256: 60_000,
        257: 60_000,
        258: 8,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: 60_000,
        279: 9,
    }
    directory = {tag: (4, 1, struct.pack("<I", number)) for tag, number in numbers.items()}
    return b"II*\0\x08\0\0\0" + write_directories(directory, {}, 8) + bytes(99)


def endless_tiff() -> bytes:
    """A file of 30,000 pages, each of which is the one that lies in front of it."""
    page = struct.pack("<H", 0) + struct.pack("<I", 8)
    return b"II*\0\x08\0\0\0" + page * 30_000


BOMB = zlib.compress(bytes(2**27), 9)  # 128 MiB from 130 KB
HOSTILE = {
    "empty.png": b"",
    "text.jpg": b"this is no picture, whatever its name says",
    "page.html.png": b"<!doctype html><title>404</title>",
    "program.exe.tif": b"MZ\x90\0" + bytes(200),
    "huge.png": png(60_000, 60_000, zlib.compress(b"\0" * 9)),
    "huge.gif": saved("GIF").replace(
        struct.pack("<HH", 17, 11), struct.pack("<HH", 60_000, 60_000)
    ),
    "huge.ppm": b"P6 60000 60000 255\n" + bytes(99),
    "huge.tif": huge_tiff(),
    "endless.tif": endless_tiff(),
    "nothing.png": png(0, 0, zlib.compress(b"")),
    "svg.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
}


@contextmanager
def little_is_taken():
    start, peak = time.process_time(), PeakMemory(torch.device("cpu"))
    before = peak.of_process() or 0
    yield
    assert time.process_time() - start < 5
    assert (peak.of_process() or 0) - before < 100 * 2**20


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_soon_and_in_little_memory(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    with little_is_taken(), pytest.raises(ImageError, match=name):
        read(path)


@pytest.mark.parametrize("kind", [b"IDAT", b"iCCP", b"zTXt", b"iTXt"])
def test_what_unpacks_to_more_than_a_picture_is_passed_over(kind):
    texts = {b"iCCP": b"a\0\0", b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0"}
    between = [] if kind == b"IDAT" else [chunk(kind, texts[kind] + BOMB)]
    data = png(16, 16, zlib.compress(bytes(16 * 49)) if between else BOMB, *between)
    with little_is_taken():
        assert decode(data).width == 16


@pytest.mark.skipif(sys.platform == "win32", reason="makes links and pipes")
def test_a_folder_of_traps_is_gone_through(bigpicture, make, tiny, tmp_path):
    folder = tmp_path / "in"
    make(folder / "good.png")
    for name in ("empty.png", "text.jpg", "huge.png", "endless.tif"):
        (folder / name).write_bytes(HOSTILE[name])
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "dangling.png").symlink_to(folder / "gone.png")
    (folder / "self.png").symlink_to(folder / "self.png")
    (folder / "round").symlink_to(folder)
    report = tmp_path / "r.json"
    result = bigpicture(
        "upscale", folder, "--recursive", "-o", tmp_path / "out", "--model", tiny, "--json", report
    )
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    items = json.loads(report.read_text())["items"]
    states = {Path(item["input"]).name: item["status"] for item in items}
    assert states.pop("good.png") == "done"
    assert set(states) == {
        "empty.png", "text.jpg", "huge.png", "endless.tif", "pipe.png", "dangling.png", "self.png",
    }  # fmt: skip
    assert set(states.values()) == {"failed"}
    for name in states:
        assert name in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good_x2.png"]


def test_what_may_not_be_read_is_named(bigpicture, make, tiny, tmp_path, monkeypatch):
    make(tmp_path / "good.png")
    secret = make(tmp_path / "secret.png")
    real = io.open

    def refuse(file, *arguments, **options):
        if str(file) == str(secret):  # chmod does not stop root
            raise PermissionError(13, "Permission denied")
        return real(file, *arguments, **options)

    monkeypatch.setattr(io, "open", refuse)
    result = bigpicture("upscale", tmp_path, "--model", tiny)
    assert result.exit_code == 1
    assert "secret.png' may not be read; check its permissions" in result.stderr
    assert (tmp_path / "good_x2.png").exists()


def test_a_suffix_that_is_wrong_misleads_no_one(bigpicture, make, tiny, tmp_path):
    (tmp_path / "a.jpg").write_bytes(saved("PNG"))
    assert bigpicture("upscale", tmp_path / "a.jpg", "--model", tiny).exit_code == 0
    assert (tmp_path / "a_x2.jpg").read_bytes()[:2] == b"\xff\xd8"
