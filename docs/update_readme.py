"""Measure the shipped models and write the scores into README.md, between its markers.

    python docs/update_readme.py FOLDER     with Set5/HR, Set14/HR … in FOLDER (`make readme`)

The scores are those of `bigpicture evaluate`, the picture is from `bigpicture upscale --compare`.
"""

import re
import sys
from pathlib import Path

import bigpicture
from bigpicture.app.compare import compare
from bigpicture.app.evaluate import measure, restorer
from bigpicture.data.benchmarks import open_benchmark
from bigpicture.evaluate.formats import written
from bigpicture.evaluate.run import Report
from bigpicture.evaluate.table import measured, summary
from bigpicture.image import read, write

ROOT = Path(__file__).parents[1]
PROTOCOL = "sr-y"
SCALES = 2, 3, 4
"""Scales at which networks for any scale are measured."""


def main(benchmarks: Path) -> None:
    """Measure everything and rewrite README.md and docs/comparison.jpg."""
    sets = sorted((path.parent for path in benchmarks.glob("*/HR")), reverse=True)
    if not sets:
        sys.exit(f"{benchmarks} holds no benchmark: give a folder with Set5/HR in it")
    models = [
        (entry.name, scale)
        for entry in bigpicture.list_models()
        for scale in (SCALES if entry.any_scale else (entry.scale,))
    ]
    rows = [("bicubic", scale) for scale in sorted({scale for _, scale in models})]
    reports = [
        score(model, scale, folder)
        for model, scale in sorted(rows + models, key=lambda row: (row[1], row[0]))
        for folder in sets
    ]
    table = written(summary(measured(reports)), "markdown")
    readme = ROOT / "README.md"
    readme.write_text(filled(readme.read_text("utf-8"), table), "utf-8")
    draw("uhdn-x2", ROOT / "samples" / "rocket.png", ROOT / "docs" / "comparison.jpg")


def score(model: str, scale: int, folder: Path) -> Report:
    """Return what `bigpicture evaluate` prints."""
    restore = restorer(model, scale, "auto", tile="auto", ensemble=False, precision="fp32")
    pairs = open_benchmark(folder, scale=scale)
    return measure(restore, pairs, scale=scale, protocol=PROTOCOL, model=model)


def filled(readme: str, table: str) -> str:
    """Return `readme` with the table between its markers."""
    text, found = re.subn(
        r"(<!-- scores -->\n).*?(<!-- /scores -->)", rf"\1\n{table}\n\n\2", readme, flags=re.DOTALL
    )
    if found != 1:
        raise ValueError("README.md must hold <!-- scores --> and <!-- /scores --> once")
    return text


def draw(model: str, sample: Path, file: Path) -> None:
    """Write the comparison that README.md shows."""
    low, loaded = read(sample), bigpicture.load(model)
    write(compare(low, loaded.upscale(low), loaded.name), file, quality=92)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
