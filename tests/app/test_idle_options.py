"""An option that would do nothing is refused, and the error names what would do."""

import pytest

EVALUATE = ("evaluate", "--model", "bicubic", "--scale", "2")
DEGRADE = ("degrade", "set", "-o", "out")
PREPARE = ("data", "prepare", "set", "-o", "out", "--crop", "8")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ((*EVALUATE, "--hr", "set", "--crops", "3"), "--crops 3 has no effect without --html"),
        (
            (*EVALUATE, "--lr", "set", "--metric", "piqe", "--protocol", "sr-y"),
            "--protocol sr-y has no effect without --hr",
        ),
        (
            (*EVALUATE, "--lr", "set", "--metric", "piqe", "--published"),
            "--published has no effect without --hr",
        ),
        (
            (*EVALUATE, "--lr", "set", "--metric", "piqe", "--html", "a.html"),
            "--html a.html has no effect without --hr",
        ),
        (
            (*EVALUATE, "--hr", "set", "--published", "--format", "csv"),
            "--published: --format csv has measured scores only",
        ),
        ((*DEGRADE, "--records", "set", "--seed", "0"), "leave out --seed"),
        ((*DEGRADE, "--records", "set", "--webp", "0"), "leave out --webp"),
        (
            (*DEGRADE, "--records", "set", "--kind", "bi", "--scale", "2"),
            "leave out --kind and --scale",
        ),
        ((*PREPARE, "--shard-size", "64"), "--shard-size 64 has no effect without --shards"),
        ((*PREPARE, "--shard-size", "0"), "--shard-size 0 has no effect without --shards"),
        ((*PREPARE, "--shards", "--shard-size", "0"), "--shard-size 0: give 1 or more"),
        ((*PREPARE, "--step", "0"), "step = 0"),
        (
            ("upscale", "set", "--context", "tile", "--sweeps", "3"),
            "--sweeps 3: --context tile has no sweeps",
        ),
        (
            ("upscale", "set", "--context", "exact", "--sweeps", "2"),
            "--sweeps 2: --context exact has no sweeps",
        ),
        (
            ("upscale", "set", "--tile", "64", "--memory", "2G"),
            "--memory 2G has no effect with --tile 64 unless --context is exact",
        ),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    bigpicture, make, tmp_path, monkeypatch, command, reason
):
    make(tmp_path / "set" / "a.png", 24, 24)
    monkeypatch.chdir(tmp_path)
    result = bigpicture(*command)
    assert result.exit_code == 2, result.output
    assert reason in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_published_figures_are_for_files_too(bigpicture, make, tmp_path):
    make(tmp_path / "set" / "a.png", 24, 24)
    command = (*EVALUATE, "--hr", tmp_path / "set", "--published", "--format", "csv")
    assert bigpicture(*command, "--json", tmp_path / "r.json").exit_code == 0
