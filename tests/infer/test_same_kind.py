"""Whatever goes into `upscale` comes back as the same kind, depth and layout, whole or in tiles.

With a network that repeats pixels, so that every value is known.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from bigpicture.image import Metadata, Picture, write
from bigpicture.infer import Cancelled, EngineWarning

SHAPES = [(9, 7), (9, 7, 1), (9, 7, 2), (9, 7, 3), (9, 7, 4)]
tiled = pytest.mark.parametrize("tile", ["off", 4])


def numbers(dtype, *shape) -> np.ndarray:
    values = np.random.rand(*shape)
    if np.issubdtype(dtype, np.integer):
        return (values * np.iinfo(dtype).max).astype(dtype)
    return values.astype(dtype)


def twice(array: np.ndarray) -> np.ndarray:
    return array.repeat(2, 0).repeat(2, 1)


@tiled
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2", np.float16, np.float32, np.float64])
def test_arrays(tiny, dtype, shape, tile):
    low = numbers(np.dtype(dtype), *shape)
    high = tiny.nearest().upscale(low, tile=tile)
    assert type(high) is np.ndarray and high.dtype == low.dtype
    assert high.shape == (18, 14, *shape[2:])
    if shape[2:] in ((2,), (4,)):  # colours under transparent pixels may change
        np.testing.assert_allclose(high[..., -1], twice(low)[..., -1], rtol=1e-6)
    else:
        np.testing.assert_allclose(high, twice(low), rtol=1e-6)


@tiled
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16, torch.float64])
def test_tensors(tiny, device, dtype, batch, channels, tile):
    values = torch.rand(*batch, channels, 9, 7)
    low = (values * 255).to(dtype) if dtype == torch.uint8 else values.to(dtype)
    low = low.to(device)
    high = tiny.nearest().upscale(low, tile=tile)
    assert (high.dtype, high.device) == (low.dtype, low.device)
    kept = -1 if channels in (2, 4) else slice(None)  # see above
    expected = low.repeat_interleave(2, -1).repeat_interleave(2, -2)
    torch.testing.assert_close(high[..., kept, :, :], expected[..., kept, :, :])


@tiled
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "I;16"])
def test_pil_images(tiny, mode, tile):
    dtype, channels = np.uint8, {"RGB": 3, "CMYK": 4}.get(mode, 1)
    if mode == "I;16":
        dtype = np.uint16
    pixels = numbers(dtype, 9, 7, channels)
    low = Image.frombytes(mode, (7, 9), pixels.tobytes())
    low.info["dpi"] = (300, 300)
    high = tiny.nearest().upscale(low, tile=tile)
    assert isinstance(high, Image.Image) and (high.mode, high.size) == (mode, (14, 18))
    assert np.array_equal(np.asarray(high), twice(np.asarray(low))) and high.info == low.info


@tiled
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_paths(tiny, tmp_path, dtype, kind, tile):
    metadata = Metadata(pixels_per_mm=(4.0, 4.0))
    low = Picture.from_array(numbers(dtype, 9, 7, 3), metadata)
    write(low, tmp_path / "a.tif")
    high = tiny.nearest().upscale(kind(tmp_path / "a.tif"), tile=tile)
    assert isinstance(high, Picture) and high.colour.dtype == dtype
    assert np.array_equal(high.colour, twice(low.colour))
    assert high.metadata.pixels_per_mm == metadata.pixels_per_mm


def test_layouts_in_memory_do_not_matter(tiny):
    model, low = tiny.attentive(), torch.rand(2, 3, 9, 7)
    expected = model.upscale(low)
    last = low.to(memory_format=torch.channels_last)
    assert torch.equal(model.upscale(last), expected)
    assert torch.equal(model.upscale(low.mT.contiguous().mT), expected)
    pixels = numbers(np.uint8, 9, 7, 3)
    for same in (np.asfortranarray(pixels), pixels[::-1].copy()[::-1], pixels.view(np.recarray)):
        assert np.array_equal(model.upscale(same), model.upscale(pixels))


@pytest.mark.parametrize("where", ["meta", "sparse"])
def test_tensors_without_pixels_are_refused(tiny, where):
    low = torch.rand(3, 5, 7)
    with pytest.raises(
        ValueError, match=f"tensor is {'without values' if where == 'meta' else where}"
    ):
        tiny.nearest().upscale(low.to("meta") if where == "meta" else low.to_sparse())


def test_threads_share_a_model_whatever_they_do_with_it(tiny):
    """Kinds, tilings and contexts of their own; one is stopped, one fails."""
    model, stop = tiny.attentive(), threading.Event()
    stop.set()
    wanted = [
        {"image": numbers(np.uint8, 24, 30, 3), "tile": 8},
        {"image": torch.rand(2, 3, 20, 20), "tile": 8, "context": "exact"},
        {"image": numbers(np.uint16, 30, 24), "tile": 8, "context": "tile", "scale": 3},
        {"image": numbers(np.float32, 16, 16, 4), "tile": 8, "ensemble": True},
        {"image": torch.rand(3, 20, 20), "precision": "bf16"},
    ]

    def run(options):
        return np.asarray(model.upscale(**options))

    alone = [run(options) for options in wanted]
    with ThreadPoolExecutor(7) as threads:
        stopped = threads.submit(run, wanted[0] | {"cancel": stop})
        failed = threads.submit(run, {"image": np.full((4, 4), np.nan)})
        together = list(threads.map(run, wanted))
    assert all(np.array_equal(*pair) for pair in zip(alone, together, strict=True))
    assert isinstance(stopped.exception(), Cancelled)
    assert isinstance(failed.exception(), ValueError)


@pytest.mark.parametrize("context", ["shared", "exact", "tile"])
def test_progress_and_cancel_in_every_context(tiny, context):
    low, told = torch.rand(3, 24, 24), []
    model, options = tiny.attentive(), {"tile": 8, "context": context}
    model.upscale(low, progress=lambda *work: told.append(work), **options)
    done, total = zip(*told, strict=True)
    assert len(set(total)) == 1 and done[-1] == total[0] and list(done) == sorted(done)
    for count in range(1, len(told)):
        stop, seen = threading.Event(), []

        def progress(*work, count=count, stop=stop, seen=seen):
            seen.append(work)
            if len(seen) == count:
                stop.set()

        with pytest.raises(Cancelled):
            model.upscale(low, progress=progress, cancel=stop, **options)
        assert len(seen) == count


def test_out_of_range_colours_give_no_warning_and_stay(tiny, recwarn):
    low = np.array([[-0.5, 0.5], [1.0, 3.0]])
    assert np.allclose(tiny.nearest().upscale(low), twice(low))
    assert not [each for each in recwarn if issubclass(each.category, EngineWarning)]
