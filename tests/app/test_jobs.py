from pathlib import Path

import pytest

from bigpicture.app.jobs import Naming, is_among, plan
from bigpicture.app.upscale import _MARKS, _mark

WRITABLE = frozenset({".png", ".jpg"})


def naming(output=None, suffix=None, compare=False, mark="_x2"):
    return Naming(output, mark, suffix, WRITABLE, compare, marks=_MARKS)


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.jpg", "notes.txt", ".hidden.png", "inner/c.gif"):
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path / "in"


def outputs(jobs):
    return [job.output for job in jobs]


def test_results_lie_beside_their_inputs(folder):
    assert outputs(plan([folder], naming())) == [folder / "a_x2.jpg", folder / "b_x2.png"]


def test_recursion_keeps_the_tree_and_unwritable_formats_become_png(folder, tmp_path):
    jobs = plan([folder], naming(tmp_path / "out"), recursive=True)
    assert tmp_path / "out" / "inner" / "c_x2.png" in outputs(jobs)


def test_results_of_an_earlier_run_are_no_inputs(folder):
    (folder / "a_x2.jpg").touch()
    (folder / "a_x2_compare.png").touch()
    assert len(plan([folder], naming(compare=True))) == 2
    (folder / "up" / "b_x2.png").parent.mkdir()
    (folder / "up" / "b_x2.png").touch()
    jobs = plan([folder], naming(folder / "up", compare=True), recursive=True)
    assert folder / "up" / "b_x2.png" not in [job.input for job in jobs]


@pytest.mark.parametrize(
    "target",
    [{}, {"scale": 4.0}, {"scale": 2.75}, {"size": (8, 16)}, {"width": 1920}, {"height": 99}],
)
@pytest.mark.parametrize("comparison", ["", "_compare", "_jpg_compare"])
def test_nor_are_those_of_other_options(folder, tmp_path, target, comparison):
    result = folder / f"a{_mark(target, 3)}{comparison}.png"
    result.touch()
    for output in (None, tmp_path / "out"):
        left_out = []
        jobs = plan([folder], naming(output, mark="_x8"), left_out=left_out)
        assert [job.input.name for job in jobs] == ["a.jpg", "b.png"]
        assert left_out == [result]


def test_results_of_results_and_those_in_a_folder_below_are_known_too(folder):
    for name in ("a_x2.jpg", "a_x2_x4.jpg", "up/b_x3.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    jobs = plan([folder], naming(folder / "up"), recursive=True)
    assert [job.input.name for job in jobs] == ["a.jpg", "b.png", "c.gif"]


def test_a_picture_of_such_a_name_is_one_if_no_other_is_its_input(folder):
    for name in ("other_x2.png", "b_x2.png", "b_extra.png"):
        (folder / name).touch()
    left_out = []
    names = [job.input.name for job in plan([folder], naming(), left_out=left_out)]
    assert names == ["a.jpg", "b.png", "b_extra.png", "other_x2.png"]
    assert left_out == [folder / "b_x2.png"]
    # who names it wants it
    jobs = plan([folder, folder / "b_x2.png"], naming(folder / "out"))
    assert folder / "b_x2.png" in [job.input for job in jobs]
    # and where there are no marks, as in degrading, all are inputs
    unmarked = Naming(folder / "out", "", ".png", WRITABLE)
    assert len(plan([folder], unmarked)) == 5


def test_results_among_names_that_a_shell_may_have_found_are_no_inputs(folder):
    results = [folder / name for name in ("b_x2.png", "b_x2_compare.png", "b_640x480.jpg")]
    for path in (*results, folder / "other_x2.png"):
        path.touch()
    left_out = []
    names = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    names = names[1:]  # without the hidden one
    jobs = plan(names, naming(), left_out=left_out, resume=True)
    assert [job.input.name for job in jobs] == ["a.jpg", "b.png", "other_x2.png"]
    assert not any(job.error for job in jobs) and sorted(left_out) == sorted(results)
    # they may be originals: what was named is not replaced, where nobody says that it is a result
    a, b, other = plan(names, naming())
    assert "b_x2.png would overwrite an input; give another -o, or --resume" in str(b.error)
    assert a.error is other.error is None
    assert not any(job.error for job in plan(names, naming(folder / "out")))
    # alone, or beside an input that is missing, a name means its file
    missing = folder / "c.png"
    (folder / "c_x2.png").touch()
    assert [job.input for job in plan([folder / "b_x2.png"], naming())] == [results[0]]
    assert len(plan([missing, folder / "c_x2.png"], naming())) == 2


def test_an_input_given_twice_is_done_once(folder):
    assert len(plan([folder, folder / "b.png"], naming())) == 2


def test_what_is_missing_is_a_job_that_failed(tmp_path):
    (tmp_path / "empty").mkdir()
    missing, empty = plan([tmp_path / "no.png", tmp_path / "empty"], naming())
    assert "no such file" in str(missing.error)
    assert "no image files" in str(empty.error)


def test_inputs_are_never_overwritten(folder):
    (folder / "b_x2.png").touch()
    (job,) = plan([folder / "b.png"], naming(folder / "b.png"))
    assert "overwrite an input" in str(job.error)
    _, found, named = plan([folder, folder / "b_x2.png"], naming())
    assert "overwrite an input" in str(found.error)
    assert named.error is None


def test_a_link_to_an_input_is_that_input(folder):
    (folder / "link.png").hardlink_to(folder / "b.png")
    (job,) = plan([folder / "b.png"], naming(folder / "link.png"))
    assert "overwrite an input" in str(job.error)


def test_two_inputs_of_one_result_are_named(folder):
    (folder / "a.png").touch()
    jobs = plan([folder], naming(suffix=".png"))
    (failed,) = (job for job in jobs if job.error)
    assert failed.input == folder / "a.png"
    assert str(folder / "a.jpg") in str(failed.error)


def test_comparisons_of_one_name_get_two(folder):
    (folder / "a.png").touch()
    jobs = plan([folder], naming(compare=True))
    assert [job.error for job in jobs] == [None] * 3
    names = [job.compare.name for job in jobs]
    assert names == ["a_x2_compare.png", "a_x2_png_compare.png", "b_x2_compare.png"]
    own = folder / "a_x2_compare.png"
    own.touch()
    first, *_ = plan([folder, own], naming(compare=True))
    assert first.error is None
    assert first.compare == folder / "a_x2_jpg_compare.png"


def test_suffixes_in_capitals_give_comparisons_that_the_next_run_knows(tmp_path):
    for name in ("a.JPG", "a.PNG"):
        (tmp_path / name).touch()
    jobs = plan([tmp_path], naming(compare=True))
    assert [job.compare.name for job in jobs] == ["a_x2_compare.png", "a_x2_png_compare.png"]
    for path in (path for job in jobs for path in (job.output, job.compare)):
        path.touch()
    again = plan([tmp_path], naming(compare=True))
    assert [job.input.name for job in again] == ["a.JPG", "a.PNG"]


def test_a_raw_file_takes_no_name_from_the_picture_beside_it(folder):
    (folder / "a.dng").touch()
    raw, jpeg, _ = plan([folder], naming(suffix=".png"))
    assert (raw.input.name, jpeg.input.name) == ("a.dng", "a.jpg")
    assert jpeg.error is None
    assert "also that of" in str(raw.error)


def test_output_may_be_a_file_for_one_input(folder, tmp_path):
    assert outputs(plan([folder / "b.png"], naming(tmp_path / "big.jpg"))) == [tmp_path / "big.jpg"]


@pytest.mark.parametrize(
    ("inputs", "output"),
    [(["a.jpg", "b.png"], "big.png"), (["."], "big.png"), (["a.jpg"], "big.bmp")],
)
def test_impossible_outputs_are_refused(folder, tmp_path, inputs, output):
    with pytest.raises(ValueError, match=output):
        plan([folder / name for name in inputs], naming(tmp_path / output))


def test_a_file_is_no_folder_for_results(folder):
    with pytest.raises(ValueError, match="exists and is not a folder"):
        plan([folder / "a.jpg"], naming(folder / "notes.txt"))


def test_folders_may_have_dots(folder):
    (job,) = plan([folder / "a.jpg"], naming(Path("v1.2")))
    assert job.output == Path("v1.2/a_x2.jpg")


def test_a_report_may_not_take_the_place_of_a_picture(folder):
    jobs = plan([folder / "b.png"], naming())
    (folder / "link.png").hardlink_to(folder / "b.png")
    assert is_among(folder / "link.png", jobs)
    assert is_among(folder / "b_x2.png", jobs)
    assert not is_among(folder / "report.json", jobs)


def test_links_that_lead_to_themselves_end_no_batch(folder):
    (folder / "self.png").symlink_to(folder / "self.png")
    jobs = plan([folder], naming())
    assert len(jobs) == 3


def test_results_found_by_a_pattern_are_no_inputs(folder):
    (folder / "b_x2.png").touch()
    jobs = plan([folder / "*.png"], naming())
    assert [job.input for job in jobs] == [folder / "b.png"]


def test_formats_that_lose_are_kept_only_if_asked_for(folder):
    asked = Naming(None, "_x2", None, frozenset({".png", ".gif"}), kept=frozenset({".png"}))
    (job,) = plan([folder / "inner" / "c.gif"], asked)
    assert job.output == folder / "inner" / "c_x2.png"


def test_a_file_has_the_format_that_is_asked_for(folder, tmp_path):
    with pytest.raises(ValueError, match=r"big.jpg is not a png file; leave out --format"):
        plan([folder / "b.png"], naming(tmp_path / "big.jpg", suffix=".png"))
    assert outputs(plan([folder / "b.png"], naming(tmp_path / "a.PNG", suffix=".png"))) == [
        tmp_path / "a.PNG"
    ]


@pytest.mark.parametrize(("system", "told"), [("darwin", True), ("linux", False)])
def test_names_that_some_systems_take_for_one(folder, tmp_path, monkeypatch, system, told):
    monkeypatch.setattr("bigpicture.app.jobs.sys.platform", system)
    (tmp_path / "B.png").touch()
    first, second = plan([folder / "b.png", tmp_path / "B.png"], naming(tmp_path / "out"))
    assert first.error is None
    assert bool(second.error) == told


def test_folders_that_may_not_be_looked_into_are_no_crash(folder, monkeypatch):
    real = Path.stat

    def stat(path, **options):
        if "secret" in path.parts:
            raise PermissionError(13, "Permission denied")  # chmod does not stop root
        return real(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    for output in (Path("secret"), Path("secret/big.png"), Path("n" * 300)):
        (job,) = plan([folder / "b.png"], naming(output))
        assert job.output is not None
