"""A large picture passes through without ever being in memory as a whole: a scaled-down limit.

The full one is `benchmarks/memory.py`. Here the network repeats pixels, so that nothing but the
picture takes memory or time, and what counts as large is smaller.
"""

import subprocess
import sys

import numpy as np
import pytest

from bigpicture.image import Metadata, Picture, read, write

PROCESS = """
import sys, threading, time
from pathlib import Path
import torch
from bigpicture.app.batch import Run
from bigpicture.app.jobs import Naming, plan
from bigpicture.app.restore import Restoring
from bigpicture.image import FORMATS, content, encoders, spool
from bigpicture.infer import Model, stored
from bigpicture.models.contract import Limits

spool.LARGE = encoders.LARGE = 2**22
content._LARGE = 2**20
stored._TOUCHED = 2**22

class Nearest(torch.nn.Module):
    limits = Limits(2, 3, reach=1)

    def forward(self, x):
        return x.repeat_interleave(2, -2).repeat_interleave(2, -1)

def upscale(path):
    naming = Naming(None, "_x2", None, frozenset(FORMATS))
    restoring = Restoring(Model(Nearest(), Nearest.limits), {"tile": 128})
    outcome = Run(restoring)(plan([Path(path)], naming))
    assert [item.status for item in outcome.items] == ["done"], outcome.items

def resident():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024

def watch():
    global most
    while True:
        most = max(most, resident())
        time.sleep(0.002)

upscale(sys.argv[1])  # what any picture of its width takes
before = most = resident()
threading.Thread(target=watch, daemon=True).start()
upscale(sys.argv[2])
print("took", most - before)
"""


def taken(*pictures) -> int:
    command = [sys.executable, "-c", PROCESS, *map(str, pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for its memory")
@pytest.mark.parametrize(("suffix", "dtype"), [(".tif", np.uint8), (".png", np.uint16)])
def test_a_picture_larger_than_the_limit_passes_through(tmp_path, suffix, dtype):
    height = 9000 // np.dtype(dtype).itemsize
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(0).integers(0, top, (height, 1000, 3), dtype, endpoint=True)
    metadata = Metadata(iptc=b"\x1c\x02\x05\x00\x04name") if suffix == ".tif" else Metadata()
    write(Picture(pixels[:300]), tmp_path / f"low{suffix}")
    write(Picture(pixels, metadata=metadata), tmp_path / f"high{suffix}")
    limit = 2 * pixels.nbytes  # the result takes twice as much
    assert taken(tmp_path / f"low{suffix}", tmp_path / f"high{suffix}") < limit
    result = read(tmp_path / f"high_x2{suffix}")
    assert result.metadata.iptc == metadata.iptc
    np.testing.assert_array_equal(result.colour[::2, 1::2], pixels)
    np.testing.assert_array_equal(result.colour[1::2, ::2], pixels)
