"""Whole or not there, whoever dies; the parts of the dead are removed, those of the living not."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bigpicture.image.save import remove_leftovers, save

WRITER = """
import itertools, sys, time
from pathlib import Path
from bigpicture.image.save import save
target = Path(sys.argv[1])
for turn in itertools.count():
    # in pieces, so that a kill meets half of one
    save(target, (bytes([turn % 251]) * 4096 for _ in range(64)))
"""


def names(folder: Path) -> list[str]:
    return [found.name for found in folder.iterdir()]


def killed_writer(target: Path, seconds: float) -> None:
    target.unlink(missing_ok=True)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(target)]) as writer:
        while not target.exists():
            assert writer.poll() is None
            time.sleep(0.005)
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_file_is_whole_whenever_its_writer_is_killed(tmp_path):
    chance, target = random.Random(0), tmp_path / "a.bin"
    for _ in range(10):
        killed_writer(target, chance.random() * 0.05)
        content = target.read_bytes()
        assert len(content) == 64 * 4096
        assert len(set(content)) == 1
        assert remove_leftovers(tmp_path) <= 1
        assert names(tmp_path) == ["a.bin"]


HALF_WAY = """
import sys, time
from pathlib import Path
from bigpicture.image.save import save

def chunks():
    yield b"new"
    print("half", flush=True)
    time.sleep(600)

save(Path(sys.argv[1]), chunks())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_part_is_a_leftover_once_its_writer_is_killed(tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    command = [sys.executable, "-c", HALF_WAY, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "half\n"
        assert remove_leftovers(tmp_path) == 0
        assert len(names(tmp_path)) == 2
        writer.kill()
    assert remove_leftovers(tmp_path) == 1
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_what_fails_half_way_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")

    def chunks():
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(target, chunks())
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks are those of Unix")
def test_a_part_that_is_being_written_is_no_leftover(tmp_path):
    def chunks():
        yield b"one"
        assert remove_leftovers(tmp_path) == 0
        yield b"two"

    save(tmp_path / "a.bin", chunks())
    assert (tmp_path / "a.bin").read_bytes() == b"onetwo"


def test_other_hidden_files_are_left_alone(tmp_path):
    (tmp_path / ".mine.part").touch()
    (tmp_path / ".bigpicture-0123456789abcdef.part").touch()
    assert remove_leftovers(tmp_path) == 1
    assert names(tmp_path) == [".mine.part"]
    assert remove_leftovers(tmp_path / "missing") == 0
