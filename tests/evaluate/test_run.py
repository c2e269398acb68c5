import json
import math

import pytest
import torch

from bigpicture.data.benchmarks import Pair, open_benchmark
from bigpicture.degrade.bd import bd
from bigpicture.degrade.dn import DN
from bigpicture.evaluate.bicubic import bicubic
from bigpicture.evaluate.run import ScoreWarning, compare, evaluate
from bigpicture.metrics.catalog import PERCEPTUAL
from bigpicture.metrics.protocol import PROTOCOLS, SR_Y

BI_ROWS = {
    ("Set5", 2): (33.67, 0.9303),
    ("Set5", 3): (30.40, 0.8689),
    ("Set5", 4): (28.43, 0.8111),
    ("Set14", 2): (30.23, 0.8691),
    ("Set14", 3): (27.54, 0.7745),
    ("Set14", 4): (25.99, 0.7029),
}
BD_ROWS = {"Set5": (28.79, 0.8319), "Set14": (26.39, 0.7278)}
DN_ROWS = {"Set5": (24.06, 0.540), "Set14": (22.90, 0.474)}


@pytest.fixture(scope="session")
def benchmarks(shared):
    return shared / "data" / "benchmarks"


def bicubic_mean(folder, scale, degrade=None) -> tuple[float, float]:
    pairs = open_benchmark(folder, scale=scale, degrade=degrade)
    report = evaluate(bicubic(scale), pairs, scale=scale, protocol=SR_Y)
    return report.mean["psnr"], report.mean["ssim"]


@pytest.mark.parametrize(("name", "scale"), BI_ROWS)
def test_published_rows_of_bi(benchmarks, name, scale):
    psnr, ssim = BI_ROWS[name, scale]
    measured = bicubic_mean(benchmarks / name, scale)
    assert measured[0] == pytest.approx(psnr, abs=0.0051)
    assert measured[1] == pytest.approx(ssim, abs=0.000051)


@pytest.mark.parametrize("name", BD_ROWS)
def test_published_rows_of_bd(benchmarks, name):
    psnr, ssim = BD_ROWS[name]
    measured = bicubic_mean(benchmarks / name, 3, bd)
    assert measured[0] == pytest.approx(psnr, abs=0.0051)
    assert measured[1] == pytest.approx(ssim, abs=0.000051)


@pytest.mark.parametrize("name", DN_ROWS)
def test_published_rows_of_dn(benchmarks, name):
    generator = torch.Generator().manual_seed(0)
    psnr, ssim = DN_ROWS[name]
    measured = bicubic_mean(
        benchmarks / name, 3, lambda high, scale: DN.draw(generator).apply(high, scale)
    )
    assert measured[0] == pytest.approx(psnr, abs=0.1)
    assert measured[1] == pytest.approx(ssim, abs=0.01)


def test_made_low_files_score_as_the_stored_ones(benchmarks):
    stored, made = benchmarks / "Set5", benchmarks / "Set5" / "HR"
    assert bicubic_mean(stored, 4) == bicubic_mean(made, 4)


def pairs(count: int = 2, channels: int = 3) -> list[Pair]:
    reference = torch.randint(0, 256, (count, channels, 24, 28)) / 255
    low = reference[..., ::2, ::2]
    return [Pair(f"p{i}", low[i], reference[i]) for i in range(count)]


def nearest(low: torch.Tensor) -> torch.Tensor:
    return low.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_scores_and_means_are_the_protocols(protocol):
    data = [Pair(name, low.repeat(1, 2, 2), high.repeat(1, 2, 2)) for name, low, high in pairs()]
    seen = []
    report = evaluate(
        nearest, iter(data), scale=2, protocol=protocol, model="nearest", progress=seen.append
    )
    assert seen == list(report.images)
    for image, (name, low, reference) in zip(report.images, data, strict=True):
        assert image.name == name
        assert image.scores == protocol.score(nearest(low), reference, 2)
    expected = sum(image.scores["psnr"] for image in report.images) / 2
    assert report.mean["psnr"] == pytest.approx(expected)


def test_json():
    report = evaluate(nearest, pairs(), scale=2, protocol=SR_Y, model="nearest")
    loaded = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert list(loaded) == ["model", "scale", "protocol", "mean", "images"]
    assert (loaded["model"], loaded["scale"], loaded["protocol"]) == ("nearest", 2, "sr-y")
    assert loaded["mean"] == report.mean
    assert loaded["images"][1] == {"name": "p1", **report.images[1].scores}


def test_equal_pictures_are_infinite_and_null_in_json():
    same = [Pair("same", high, high) for _, _, high in pairs(1)]
    report = evaluate(lambda low: low, same, scale=1, protocol=SR_Y)
    assert report.mean == {"psnr": math.inf, "ssim": 1.0}
    assert report.to_json()["mean"] == {"psnr": None, "ssim": 1.0}


def test_gray_stays_gray_and_no_gradients_are_kept():
    weight = torch.ones(1, requires_grad=True)
    shapes = []

    def restore(low: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(low.shape))
        high = nearest(low) * weight
        assert not high.requires_grad
        return high

    evaluate(restore, pairs(1, channels=1), scale=2, protocol=SR_Y)
    assert shapes == [(1, 1, 12, 14)]


def test_a_wrong_size_names_the_picture():
    with pytest.raises(ValueError, match="p0: restored is 1×3×12×14 but reference is 1×3×24×28"):
        evaluate(lambda low: low, pairs(), scale=2, protocol=SR_Y)


def test_a_picture_that_a_model_refuses_is_named():
    def refuse(low):
        raise ValueError("it is too small")

    with pytest.raises(ValueError, match="p0: it is too small"):
        evaluate(refuse, pairs(), scale=2, protocol=SR_Y)


def test_no_pictures():
    with pytest.raises(ValueError, match="pairs is empty"):
        evaluate(nearest, [], scale=2, protocol=SR_Y)


@pytest.mark.parametrize("scale", [0, -1])
def test_bicubic_refuses_nonsense(scale):
    with pytest.raises(ValueError, match=f"scale is {scale}"):
        bicubic(scale)


def test_models_are_compared_on_the_same_pictures_in_their_order():
    data = pairs(3)
    drawn, seen = [], []

    def lazily():
        for each in data:
            drawn.append(each.name)
            yield each

    def darker(low: torch.Tensor) -> torch.Tensor:
        return nearest(low) * 0.9

    reports = compare(
        {"nearest": nearest, "darker": darker},
        lazily(),
        scale=2,
        protocol=SR_Y,
        watch=seen.append,
    )
    assert [report.model for report in reports] == ["nearest", "darker"]
    assert reports[0] == evaluate(nearest, data, scale=2, protocol=SR_Y, model="nearest")
    assert reports[1] == evaluate(darker, data, scale=2, protocol=SR_Y, model="darker")
    assert drawn == [restored.pair.name for restored in seen] == ["p0", "p1", "p2"]
    for restored in seen:
        assert torch.equal(restored.pictures["darker"][0], darker(restored.pair.low))
        assert restored.scores["nearest"] in reports[0].images


def test_few_pictures_are_held_at_once():
    data = pairs(9)
    drawn = seen = 0

    def lazily():
        nonlocal drawn
        for each in data:
            drawn += 1
            assert drawn - seen <= 4
            yield each

    def watch(_: object) -> None:
        nonlocal seen
        seen += 1

    compare({"nearest": nearest}, lazily(), scale=2, protocol=SR_Y, watch=watch)
    assert drawn == seen == 9


def test_a_picture_that_cannot_be_read_ends_the_evaluation():
    def broken():
        yield pairs(1)[0]
        raise ValueError("p1.png is no picture")

    with pytest.raises(ValueError, match="p1.png is no picture"):
        evaluate(nearest, broken(), scale=2, protocol=SR_Y)


def test_other_metrics_stand_beside_the_protocol_s():
    report = evaluate(nearest, pairs(1), scale=2, protocol=SR_Y, metrics=["piqe", "brisque"])
    (image,) = report.images
    assert list(image.scores) == ["psnr", "ssim", "piqe", "brisque"]
    expected = PERCEPTUAL["piqe"].measure(nearest(pairs_of(report)[0].low)[None])
    assert image.scores["piqe"] == pytest.approx(expected.item())


def test_a_picture_without_a_value_is_named():
    flat = Pair("flat", torch.full((3, 12, 14), 0.5), torch.full((3, 24, 28), 0.5))
    with pytest.warns(ScoreWarning, match="flat: brisque has no value for the picture of nearest"):
        report = evaluate(
            nearest, [*pairs(1), flat], scale=2, protocol=None, metrics=["brisque"], model="nearest"
        )
    assert math.isnan(report.mean["brisque"])
    assert report.to_json()["mean"] == {"brisque": None}


def pairs_of(report) -> list[Pair]:
    torch.manual_seed(0)
    return pairs(len(report.images))


def test_pictures_without_reference():
    data = [pair._replace(reference=None) for pair in pairs(2)]
    report = evaluate(nearest, data, scale=2, protocol=None, metrics=["piqe"])
    assert report.protocol == "none"
    assert list(report.mean) == ["piqe"]
    with pytest.raises(ValueError, match="p0: has no reference"):
        evaluate(nearest, data, scale=2, protocol=SR_Y)
    with pytest.raises(ValueError, match="p0: has no reference, which lpips needs"):
        evaluate(nearest, data, scale=2, protocol=None, metrics=["lpips"])


def test_nothing_to_compare_and_nothing_to_measure():
    with pytest.raises(ValueError, match="models is empty"):
        compare({}, pairs(), scale=2, protocol=SR_Y)
    with pytest.raises(ValueError, match="metrics is empty"):
        evaluate(nearest, pairs(), scale=2, protocol=None)


def test_a_report_knows_its_set(benchmarks):
    benchmark = open_benchmark(benchmarks / "Set5", scale=4)
    report = evaluate(bicubic(4), benchmark, scale=4, protocol=SR_Y, model="bicubic")
    assert (report.benchmark, report.degradation) == ("Set5", "bi")
    assert report.to_json()["benchmark"] == "Set5"
