"""`bigpicture data prepare`: pictures → overlapping crops in a folder, or in tar files.

    pictures ──decode, one ahead──▶ ──cut, encode in threads──▶ NAME.png, or 000000.tar, …
                                                                manifest.json

Files appear when they are complete, and then the manifest says so. Whatever ends the work, it goes
on with the first picture, or tar file, that is not in the manifest, and what comes out is the same
as if nothing had happened.
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

_EVERY = 5.0  # seconds between two versions of the manifest, while single files are written

A = TypeVar("A")
B = TypeVar("B")


def begin(shelf: Shelf, inputs: Sequence[Input], cutting: Cutting, *, resume: bool) -> Manifest:
    """Return the manifest to go on with: a new one, or that of work that was stopped.

    Raises:
        ValueError: If there is something else in the folder, or work that was not to be resumed,
            or that was begun with other pictures or otherwise; or a picture is missing.
        ImportError: If packages for tar files are.
    """
    if cutting.form == "shards":
        import webdataset  # noqa: F401 - so that its lack is known before the work begins
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
    before, now = ([(p.name, p.facts) for p in each] for each in (known.pictures, pictures))
    if before != now:
        example = next((n for n, _ in now if n not in dict(before)), None) or next(
            (n for n, facts in before if dict(now).get(n) != facts), now[0][0]
        )
        raise ValueError(
            f"{shelf.place} was begun with other pictures ({example} differs, for one); "
            "give another --out"
        )
    return known


@dataclass
class Packing:
    """Crops on their way into a folder or into tar files.

    Args:
        shelf: Where they go.
        inputs: The pictures.
        manifest: As `begin` returned it; always what has been done.
        shard_bytes: After how many bytes a tar file ends.
        threads: That decode and encode.
        finished: Told of each picture, with its number.
    """

    shelf: Shelf
    inputs: Sequence[Input]
    manifest: Manifest
    shard_bytes: int
    threads: int
    finished: Callable[[int, PackedPicture], None] = lambda number, picture: None

    def run(self) -> None:
        """Do what is left; say so in the manifest, even if it is interrupted.

        Raises:
            ValueError: If nothing can be written there any more.
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
        """Write each crop as a file; the manifest goes on picture by picture."""
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
        """Fill one tar file after the other; the manifest goes on file by file."""
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
        """Put a tar file where it belongs, if there is something in it, and say so."""
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
        """Yield the pictures that are left, with their numbers, and what became of them."""
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
    """A tar file that is being filled, in memory."""

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
        """End the file and return its bytes."""
        self._tar.close()
        return self._buffer.getbuffer()


def _ahead(
    pool: ThreadPoolExecutor, function: Callable[[A], B], items: Iterable[A], count: int
) -> Iterator[B]:
    """Yield what a function makes of each item, in order, with so many under way."""
    waiting: deque[Future[B]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _name(path: Path) -> str:
    """Return a path as JSON can hold it: bytes that are no UTF-8 as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _facts(given: Input) -> tuple[int, ...]:
    try:
        found = [path.stat() for path in given if path is not None]
    except OSError as error:
        raise ValueError(f"{error.filename} cannot be read ({error.strerror})") from error
    return tuple(fact for each in found for fact in (each.st_size, each.st_mtime_ns))


def _write(shelf: Shelf, manifest: Manifest) -> None:
    shelf.put(MANIFEST, [manifest.model_dump_json(indent=1).encode()])


def _described(cutting: Cutting) -> str:
    return ", ".join(f"{k} {v}" for k, v in cutting.model_dump(exclude_none=True).items())
