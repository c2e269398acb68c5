"""`bigpicture data prepare`: pictures → overlapping crops in a folder, or in tar files.

    pictures ──decode, one ahead──▶ ──cut, encode in threads──▶ NAME.png, or 000000.tar, …
                                                                manifest.json

Files appear only once they are complete, and the manifest then records them. However the work ends,
it resumes with the first picture or tar file that is not in the manifest, and the result is the
same as without an interruption.
"""

import io
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from bigpicture.data.cutting import Corner, Input, Opened, open_input, stems
from bigpicture.data.packs import (
    MANIFEST,
    Cutting,
    Manifest,
    PackedPicture,
    PackedShard,
    read_manifest,
)
from bigpicture.data.remote import Shelf

__all__ = ["Packing", "begin"]

_EVERY = 5.0  # seconds between two versions of the manifest, for crops in a folder

A = TypeVar("A")
B = TypeVar("B")


def begin(shelf: Shelf, inputs: Sequence[Input], cutting: Cutting, *, resume: bool) -> Manifest:
    """Return the manifest to continue: a new one, or that of interrupted work.

    Raises:
        ValueError: If the folder holds something else, work that is not to be resumed, or work
            with other pictures or settings; or if a picture is missing.
        ImportError: If packages for tar files are missing.
    """
    if cutting.form == "shards":
        import webdataset  # noqa: F401 - fail before the work begins if it is missing
    pictures = tuple(PackedPicture(name=_name(i.high), facts=_facts(i)) for i in inputs)
    shelf.tidy()
    known = read_manifest(shelf)
    if known is None:
        if shelf.names():
            raise ValueError(f"{shelf.place} is not empty; give a new folder")
        manifest = Manifest(cutting=cutting, pictures=pictures, next=(0, 0))
        _write(shelf, manifest)
        return manifest
    if not resume:
        raise ValueError(
            f"{shelf.place}/{MANIFEST} exists; use --resume to go on, or another --out"
        )
    if known.cutting != cutting:
        raise ValueError(
            f"{shelf.place} was begun with {_described(known.cutting)}, not {_described(cutting)}; "
            "go on with those, or give another --out"
        )
    _check_same(shelf, known.pictures, pictures)
    return known


@dataclass
class Packing:
    """Cuts pictures and puts the crops into a folder or into tar files.

    Args:
        shelf: Where the crops go.
        inputs: The pictures.
        manifest: As `begin` returned it; kept up to date with what has been done.
        shard_bytes: Size in bytes at which a tar file ends.
        threads: Number of threads that decode and encode.
        finished: Called with the number of each finished picture and its entry in the manifest.
    """

    shelf: Shelf
    inputs: Sequence[Input]
    manifest: Manifest
    shard_bytes: int
    threads: int
    finished: Callable[[int, PackedPicture], None] = lambda number, picture: None

    def run(self) -> None:
        """Do the remaining work; record it in the manifest, even if interrupted.

        Raises:
            ValueError: If the shelf cannot be written any more.
        """
        if self.manifest.next is None:
            return
        self._pictures = list(self.manifest.pictures)
        self._stems = list(stems([each.high for each in self.inputs]))
        self._said = time.monotonic()
        pool = ThreadPoolExecutor(self.threads)
        try:
            if self.manifest.cutting.form == "folder":
                self._into_folder(pool)
            else:
                self._into_shards(pool)
        finally:
            pool.shutdown(cancel_futures=True)
            _write(self.shelf, self.manifest)

    def _into_folder(self, pool: ThreadPoolExecutor) -> None:
        """Write each crop as a file; the manifest advances picture by picture."""
        for number, opened in self._opened(pool):
            put = partial(self._put, opened, self._stems[number])
            for _ in _ahead(pool, put, opened.corners, self.threads + 1):
                pass
            self._reach(number + 1, 0)
            if time.monotonic() - self._said > _EVERY:
                _write(self.shelf, self.manifest)
                self._said = time.monotonic()
            self.finished(number, self._pictures[number])
        self._end()

    def _put(self, opened: Opened, stem: str, corner: Corner) -> None:
        for ending, content in opened.encoded(corner).items():
            part, dot, suffix = ending.rpartition(".")
            name = f"{corner.name(stem)}.{suffix}"
            self.shelf.put(f"{part}/{name}" if dot else name, [content])

    def _into_shards(self, pool: ThreadPoolExecutor) -> None:
        """Fill one tar file after another; the manifest advances file by file."""
        first = self.manifest.next or (0, 0)
        shard = _Shard()
        for number, opened in self._opened(pool):
            begun = first[1] if number == first[0] else 0
            work = _ahead(pool, opened.encoded, opened.corners[begun:], self.threads + 1)
            for at, parts in enumerate(work, begun):
                corner = opened.corners[at]
                note = {"source": self.inputs[number].high.name, **corner._asdict()}
                parts["json"] = json.dumps(note).encode()
                shard.add(corner.name(self._stems[number]), parts)
                if shard.size >= self.shard_bytes:
                    self._place(shard, number, at + 1)
                    shard = _Shard()
            self.finished(number, self._pictures[number])
        self._place(shard, len(self.inputs), 0)
        self._end()

    def _place(self, shard: "_Shard", picture: int, crop: int) -> None:
        """Write a tar file, if there is something in it, and record it in the manifest."""
        if shard.crops:
            content = shard.content()
            name = f"{len(self.manifest.shards):06}.tar"
            self.shelf.put(name, [content])
            packed = PackedShard(name=name, crops=shard.crops, bytes=len(content))
            shards = (*self.manifest.shards, packed)
            self.manifest = self.manifest.model_copy(update={"shards": shards})
        self._reach(picture, crop)
        _write(self.shelf, self.manifest)

    def _opened(self, pool: ThreadPoolExecutor) -> Iterator[tuple[int, Opened]]:
        """Yield the remaining pictures with their numbers, and note what became of each."""
        first = (self.manifest.next or (0, 0))[0]
        open_one = partial(open_input, cutting=self.manifest.cutting)
        for number, opened in enumerate(_ahead(pool, open_one, self.inputs[first:], 2), first):
            became = {**opened.outcome, "crops": len(opened.corners)}
            self._pictures[number] = self._pictures[number].model_copy(update=became)
            yield number, opened

    def _reach(self, picture: int, crop: int) -> None:
        self.manifest = self.manifest.model_copy(
            update={"next": (picture, crop), "pictures": tuple(self._pictures)}
        )

    def _end(self) -> None:
        self.manifest = self.manifest.model_copy(
            update={"next": None, "pictures": tuple(self._pictures)}
        )


class _Shard:
    """A tar file that is being filled in memory."""

    def __init__(self) -> None:
        from webdataset.writer import TarWriter

        self.crops = 0
        self._buffer = io.BytesIO()
        # Without the time of day, the same crops make the same bytes.
        self._tar = TarWriter(self._buffer, encoder=False, mtime=0.0)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._buffer.tell()

    def add(self, name: str, parts: dict[str, bytes]) -> None:
        """Add the files of a sample."""
        self._tar.write({"__key__": name, **parts})
        self.crops += 1

    def content(self) -> memoryview:
        """Close the file and return its bytes."""
        self._tar.close()
        return self._buffer.getbuffer()


def _ahead(
    pool: ThreadPoolExecutor, function: Callable[[A], B], items: Iterable[A], count: int
) -> Iterator[B]:
    """Yield the function's result for each item, in order, with up to `count` calls pending."""
    waiting: deque[Future[B]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _name(path: Path) -> str:
    """Return a path as text for JSON, in which bytes that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _facts(given: Input) -> tuple[int, ...]:
    try:
        found = [path.stat() for path in given if path is not None]
    except OSError as error:
        raise ValueError(f"{error.filename} cannot be read ({error.strerror})") from error
    return tuple(fact for each in found for fact in (each.st_size, each.st_mtime_ns))


def _check_same(
    shelf: Shelf, before: Sequence[PackedPicture], now: Sequence[PackedPicture]
) -> None:
    """Refuse to go on with other pictures than before, or in another order."""
    old, new = ({picture.name: picture.facts for picture in each} for each in (before, now))
    differing = [name for name in new | old if new.get(name) != old.get(name)]
    if differing:
        said = f"other pictures; the first that differs is {differing[0]}"
    elif list(old) != list(new):
        said = "these pictures in another order"
    else:
        return
    raise ValueError(f"{shelf.place} was begun with {said}; give another --out")


def _write(shelf: Shelf, manifest: Manifest) -> None:
    shelf.put(MANIFEST, [manifest.model_dump_json(indent=1).encode()])


def _described(cutting: Cutting) -> str:
    return ", ".join(f"{k} {v}" for k, v in cutting.model_dump(exclude_none=True).items())
