"""CMYK is enlarged as inks, from whatever holds it, and comes back as it came."""

import threading

import numpy as np
import pytest
from PIL import Image

from bigpicture.image import Metadata, Picture, Separations, read_pages, write
from bigpicture.infer import Cancelled, Report
from bigpicture.infer.kinds import open_parts

INKS = np.random.default_rng(0).integers(0, 256, (9, 7, 4), dtype=np.uint8)
TWICE = INKS.repeat(2, 0).repeat(2, 1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tile", ["off", 4])
def test_inks_stay_inks_with_their_metadata(tiny, dtype, tile):
    metadata = Metadata(icc=b"of a press", pixels_per_mm=(4.0, 4.0))
    low = Separations.from_array(INKS.astype(dtype), metadata)
    high = tiny.nearest().upscale(low, tile=tile)
    assert isinstance(high, Separations) and high.metadata == metadata
    assert high.array().dtype == dtype and np.array_equal(high.array(), TWICE)


def test_what_is_black_alone_stays_black_alone(tiny):
    inks = INKS * np.array([0, 0, 0, 1], np.uint8)
    high = tiny.nearest().upscale(Separations.from_array(inks))
    assert not high.array()[..., :3].any()


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_a_path_does_what_its_separations_do(tiny, tmp_path, suffix):
    write(Separations.from_array(INKS), tmp_path / f"inks{suffix}")
    model = tiny.attentive()
    (read,) = read_pages(tmp_path / f"inks{suffix}", keep_cmyk=True)
    high = model.upscale(tmp_path / f"inks{suffix}", tile=4)
    assert isinstance(high, Separations)
    assert np.array_equal(high.array(), model.upscale(read, tile=4).array())


def test_pil_images_come_back_as_such(tiny):
    low = Image.frombytes("CMYK", (7, 9), INKS.tobytes())
    low.info.update(dpi=(300, 300), icc_profile=b"of a press")
    high = tiny.nearest().upscale(low)
    assert isinstance(high, Image.Image) and (high.mode, high.size) == ("CMYK", (14, 18))
    assert np.array_equal(np.asarray(high), TWICE) and high.info == low.info


def test_black_under_transparent_pixels_does_not_bleed_into_edges(tiny):
    inks = np.zeros((16, 16, 5), np.uint8)
    inks[..., 3] = 255  # full black where nothing is seen
    inks[4:12, 4:12] = (10, 20, 30, 0, 255)
    high = tiny.nearest().upscale(Separations.from_array(inks), scale=1.5).array()
    seen = high[high[..., 4] > 0]
    assert (abs(seen[:, :4].astype(int) - (10, 20, 30, 0)) <= 1).all()


def test_alpha_is_that_of_the_colour_and_there_once(tiny):
    inks = np.random.default_rng(1).integers(0, 256, (6, 5, 5), dtype=np.uint8)
    high = tiny.nearest().upscale(Separations.from_array(inks))
    assert high.black.alpha is None
    assert np.array_equal(high.array()[..., 4], inks[..., 4].repeat(2, 0).repeat(2, 1))


def test_progress_and_report_are_of_both_parts_together(tiny):
    told, report = [], Report()
    tiny.attentive().upscale(
        Separations.from_array(INKS),
        tile=4,
        match_low=True,
        progress=lambda *work: told.append(work),
        report=report,
    )
    done, total = zip(*told, strict=True)
    assert len(set(total)) == 1 and done[-1] == total[0] and list(done) == sorted(set(done))
    assert report.tiles == [3 * 2, 3 * 2]
    assert 0 < report.drift["mean_after"] < report.drift["mean_before"]


def test_the_greatest_drift_of_the_parts_is_reported(tiny):
    model, reports = tiny.attentive(), [Report() for _ in range(3)]
    inks = Separations.from_array(INKS)
    for image, report in zip((inks, inks.colour, inks.black), reports, strict=True):
        model.upscale(image, match_low=True, report=report)
    both, *each = (report.drift for report in reports)
    assert both == {name: max(drift[name] for drift in each) for name in both}


def test_both_parts_can_be_stopped(tiny):
    stop, done = threading.Event(), []

    def progress(now, total):
        done.append(now)
        if now > total / 2:
            stop.set()

    with pytest.raises(Cancelled):
        tiny.nearest().upscale(Separations.from_array(INKS), tile=4, progress=progress, cancel=stop)
    assert len(done) == 6 + 1  # all tiles of the first, one of the second


def test_other_images_are_one_part():
    assert len(open_parts(Picture(INKS[..., :3])).planes) == 1
    assert len(open_parts(INKS).planes) == 1
