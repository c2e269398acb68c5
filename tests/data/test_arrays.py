import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bigpicture.data.arrays import keep


def test_threads_read_headers_one_after_another(tmp_path, monkeypatch):
    """Where they do it at once, CPython 3.11.7 says "AST constructor recursion depth mismatch"."""
    file = tmp_path / "array.npy"
    array = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    keep(file, lambda: array)
    load, reading, most = np.load, [], 0

    def watched(*args, **kwargs):
        nonlocal most
        reading.append(None)
        most = max(most, len(reading))
        time.sleep(0.005)
        try:
            return load(*args, **kwargs)
        finally:
            reading.pop()

    monkeypatch.setattr(np, "load", watched)
    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(lambda _: keep(file, lambda: array), range(8)))
    assert most == 1
    assert all(np.array_equal(one, array) for one in kept)
