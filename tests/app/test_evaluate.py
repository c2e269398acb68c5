import json

import pytest


@pytest.fixture
def pictures(make, tmp_path):
    for name in ("one", "two"):
        make(tmp_path / "set" / "HR" / f"{name}.png", 48, 40)
    return tmp_path / "set"


def test_bicubic_is_scored_picture_by_picture(bigpicture, pictures, tmp_path):
    report = tmp_path / "scores.json"
    result = bigpicture(
        "evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2, "--json", report
    )
    assert result.exit_code == 0, result.output
    scores = json.loads(report.read_text())
    assert scores["model"] == "bicubic"
    assert scores["protocol"] == "sr-y"
    assert [image["name"] for image in scores["images"]] == ["one", "two"]
    assert f"{scores['mean']['psnr']:.2f} dB" in result.stdout
    assert "sr-y" in result.stdout.splitlines()[0]
    alone = bigpicture("evaluate", "--model", "bicubic", "--hr", pictures / "HR", "--scale", 2)
    assert alone.stdout == result.stdout


def test_networks_are_scored(bigpicture, pictures, tiny):
    result = bigpicture("evaluate", "--model", tiny, "--hr", pictures, "--scale", 2)
    assert result.exit_code == 0, result.output
    assert "dB PSNR" in result.stdout


@pytest.mark.parametrize("kind", ["bi", "bd", "dn"])
def test_degradations_are_repeatable(bigpicture, pictures, kind):
    arguments = ("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 3)
    first, second = (bigpicture(*arguments, "--degrade", kind) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--scale", "3"], "--scale 3"),
        (["--scale", "0.5"], "--scale 0.5"),
        (["--scale", "2", "--degrade", "bd"], "odd"),
        (["--scale", "2", "--degrade", "bi", "--lr", "set"], "one of the two"),
        (["--scale", "2", "--hr", "nowhere"], "nowhere"),
        (["--scale", "2", "--model", "uhnd"], "uhnd"),
        (["--scale", "2", "--protocol", "y"], "sr-rgb"),
    ],
)
def test_wrong_requests_are_refused(bigpicture, pictures, tiny, options, reason):
    result = bigpicture("evaluate", "--model", tiny, "--hr", pictures, *options)
    assert result.exit_code == 2, result.output
    assert reason in result.stderr


def test_a_bad_picture_fails_and_is_named(bigpicture, pictures):
    (pictures / "HR" / "three.png").write_bytes(b"no picture")
    result = bigpicture("evaluate", "--model", "bicubic", "--hr", pictures, "--scale", 2)
    assert result.exit_code == 1
    assert "three.png" in result.stderr


def test_the_field_s_first_number(bigpicture, shared):
    folder = shared / "data" / "benchmarks" / "Set5"
    result = bigpicture("evaluate", "--model", "bicubic", "--hr", folder, "--scale", 2)
    assert "33.67 dB" in result.stdout
