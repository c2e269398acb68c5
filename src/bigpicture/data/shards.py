"""WebDataset shards: tar files in which the files of a sample share a name.

    000000.tar: a.png, a.json, b.png, b.json, …    or a.high.png, a.low.png, … of pairs

A shard is read from beginning to end, from wherever `fsspec` reaches it, and its pictures are
decoded into the cache, like those of folders. If shards were streamed anew in each epoch, the batch
of a step would depend on what was read before, and its crops would have to come from a window of
the pictures, not from all of them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bigpicture.data.arrays import high_file, is_kept
from bigpicture.data.folders import SUFFIXES
from bigpicture.data.originals import Original, file_key
from bigpicture.data.remote import locate, remote_key
from bigpicture.image.picture import Picture
from bigpicture.image.read import decode
from bigpicture.image.save import save

__all__ = ["Shard"]

_END = 1024  # bytes of zeros that end a tar file
_OTHER = {"high": "low", "low": "high"}  # halves of a pair, in NAME.high.png and NAME.low.png


@dataclass(frozen=True)
class Shard:
    """The pictures of a tar file.

    Attributes:
        place: A path or a URL.
    """

    place: str

    def originals(self, cache: Path) -> Iterator[Original]:
        """Yield its pictures, from the cache if all are there.

        Raises:
            ValueError: If it is missing, not a tar file, cut short, or has no pictures in it.
        """
        with locate(self.place) as (system, path):
            key = _key(self.place, system, path)
            index = cache / f"{key}.json"
            found = _read(index, self.place)
            if found and all(_is_cached(each, cache) for each in found):
                yield from found
                return
            known = []
            for number, (name, pictures) in enumerate(self._samples(system, path)):
                original = self._original(f"{key}-{number:06}", name, pictures)
                called = original.name.removeprefix(f"{self.place}: ")
                known.append((called, original.key, original.low and original.low.key))
                yield original
        if not known:
            raise ValueError(f"{self.place} has no pictures in it")
        save(index, [json.dumps(known).encode()])

    def _samples(self, system: Any, path: str) -> Iterator[tuple[str, dict[str, bytes]]]:  # noqa: ANN401
        """Yield the name of each sample and the content of its pictures, by their endings."""
        import tarfile

        try:
            from webdataset.tariterators import group_by_keys, tar_file_expander
        except ImportError as error:
            raise ValueError(
                f"{self.place} needs more packages ({error}); pip install 'bigpicture[data]'"
            ) from error
        size = system.size(path)
        if size < _END or any(system.cat_file(path, start=size - _END)):
            raise ValueError(f"{self.place} is no tar file, or cut short; fetch it again")
        endings = {suffix[1:] for suffix in SUFFIXES}
        try:
            with system.open(path, "rb") as stream:
                files = tar_file_expander([{"url": self.place, "stream": stream}])
                for sample in group_by_keys(files):
                    pictures = {k: v for k, v in sample.items() if k.split(".")[-1] in endings}
                    if pictures:
                        yield sample["__key__"], pictures
        except (tarfile.TarError, OSError) as error:
            raise ValueError(f"{self.place}: {error.args[0]}; fetch it again") from error
        except ValueError as error:  # such as two files of one name
            said, *_ = str(error.args[0]).split(" in tar file")
            raise ValueError(f"{self.place}: {said}") from error

    def _original(self, key: str, name: str, pictures: dict[str, bytes]) -> Original:
        parts = {_half(ending): ending for ending in pictures}
        if len(pictures) == 2 and parts.keys() == _OTHER.keys():
            low = self._one(f"{key}-low", f"{name}.{parts['low']}", pictures[parts["low"]])
            high = self._one(key, f"{name}.{parts['high']}", pictures[parts["high"]])
            return high._replace(low=low)
        if len(pictures) != 1:
            raise ValueError(
                f"{self.place}: {name} has {len(pictures)} pictures ({', '.join(pictures)}); "
                "give it one, or NAME.high.png and NAME.low.png"
            )
        ((ending, content),) = pictures.items()
        if (half := _half(ending)) in _OTHER:
            partner = f"{name}.{ending.replace(half, _OTHER[half])}"
            raise ValueError(
                f"{self.place} has {name}.{ending} without {partner} beside it; store the halves "
                "of a pair one after the other"
            )
        return self._one(key, f"{name}.{ending}", content)

    def _one(self, key: str, name: str, content: bytes) -> Original:
        called = f"{self.place}: {name}"
        return Original(called, key, lambda: decode(content, name=called))


def _half(ending: str) -> str:
    """Return what precedes the suffix: high or low, if it is that of a half of a pair."""
    return ending.rpartition(".")[0].rpartition(".")[2]


def _key(place: str, system: Any, path: str) -> str:  # noqa: ANN401 - fsspec has no type for it
    if "://" not in place:
        return file_key(Path(place))
    return remote_key(place, system, path)


def _read(index: Path, place: str) -> list[Original]:
    """Return the pictures that were decoded from a shard before; none without a valid index."""
    try:
        known = json.loads(index.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return [_known(f"{place}: {name}", key, low) for name, key, low in known]


def _known(called: str, key: str, low: str | None) -> Original:
    gone = partial(_gone, called)
    return Original(called, key, gone, None if low is None else Original(called, low, gone))


def _is_cached(original: Original, cache: Path) -> bool:
    keys = [original.key] + ([original.low.key] if original.low else [])
    return all(is_kept(high_file(cache, key)) for key in keys)


def _gone(called: str) -> Picture:
    raise ValueError(f"{called}: its array left the cache while it was looked at; start again")
