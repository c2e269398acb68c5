"""The recipes of the repository are what the papers say, and can be begun."""

from pathlib import Path

import pytest
import torch
from rich.console import Console

from bigpicture.config import load
from bigpicture.train.losses import perceptual
from bigpicture.train.processes import Processes
from bigpicture.train.recipe import Recipe
from bigpicture.train.run import run_recipe
from bigpicture.train.schedule import rate_at
from bigpicture.train.start import start

PAPERS = Path(__file__).parents[2] / "recipes" / "papers"
NAMES = sorted(path.stem for path in PAPERS.glob("*.toml"))


def recipe_of(name, *overrides) -> Recipe:
    return load(PAPERS / f"{name}.toml", Recipe, overrides)


def test_all_papers_are_there():
    assert {"cran-x2", "uhdn-x2", "srgrn-x2", "rgt-x2", "rgt-s-x2"} <= set(NAMES)
    assert {"ciaosr-edsr", "ciaosr-rdn", "ciaosr-swinir"} <= set(NAMES)
    assert {"ciaosr-real-psnr", "ciaosr-real-gan"} <= set(NAMES)


@pytest.mark.parametrize(
    ("name", "images", "patch", "betas", "rates"),
    [
        # SYSTEMS.md, section 0: batch × LR patch; rate at some steps, counted in thousands
        ("cran-x2", 16, 48, (0.9, 0.999), {0: 1e-4, 199: 1e-4, 200: 5e-5, 400: 2.5e-5}),
        ("uhdn-x2", 16, 48, (0.9, 0.999), {0: 2e-4, 200: 1e-4, 999: 1.25e-5}),
        ("srgrn-x2", 16, 48, (0.9, 0.999), {0: 1e-4, 200: 5e-5}),
        ("ciaosr-edsr", 16, 48, (0.9, 0.999), {0: 1e-4, 200: 5e-5, 999: 6.25e-6}),
        ("ciaosr-rdn", 16, 48, (0.9, 0.999), {0: 1e-4, 200: 5e-5, 999: 6.25e-6}),
        ("ciaosr-swinir", 16, 48, (0.9, 0.999), {0: 1e-4, 200: 5e-5, 999: 6.25e-6}),
        ("ciaosr-real-psnr", 48, 64, (0.9, 0.999), {0: 2e-4, 999: 2e-4}),
        ("ciaosr-real-gan", 48, 64, (0.9, 0.999), {0: 1e-4, 399: 1e-4}),
        ("rgt-x2", 32, 64, (0.9, 0.99), {249: 2e-4, 250: 1e-4, 400: 5e-5, 450: 2.5e-5}),
        ("rgt-s-x2", 32, 64, (0.9, 0.99), {249: 2e-4, 250: 1e-4, 475: 1.25e-5}),
    ],
)
def test_settings_are_the_papers(name, images, patch, betas, rates):
    recipe = recipe_of(name)
    assert (recipe.data.images, recipe.data.patch, recipe.optimiser.betas) == (images, patch, betas)
    found = {step: rate_at(step * 1000, recipe.optimiser) for step in rates}
    assert found == pytest.approx(rates)
    assert recipe.losses.l1 == 1.0
    assert max(rates) * 1000 < recipe.optimiser.steps


@pytest.mark.parametrize("name", NAMES)
def test_all_that_learns_can_be_built(name, monkeypatch):
    """At full size, as shapes without numbers, which stay where they are."""
    placed = torch.nn.Module.to

    def to(self, *device, **how):
        return self if device else placed(self, **how)

    monkeypatch.setattr(torch.nn.Module, "to", to)
    recipe = recipe_of(name)
    fresh = recipe.model.model_copy(update={"start": None})
    with torch.device("meta"):
        run, _ = start(recipe.model_copy(update={"model": fresh}), Processes("cpu"))
    assert (run.adversary is not None) == (name == "ciaosr-real-gan")
    assert (recipe.model.start is not None) == (name == "ciaosr-real-gan")


@pytest.mark.parametrize("name", NAMES)
def test_recipes_can_be_tried(name, photographs, tmp_path, monkeypatch):
    """All as written but for the pictures, how many are taken, and what must be downloaded."""
    taps = perceptual.Taps(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), {"conv1_1": 1.0})
    monkeypatch.setattr("bigpicture.train.objective.vgg19", lambda layers: taps)
    written = recipe_of(name)
    parts = 2 if written.optimiser.accumulate > 1 else 1  # of a crop each
    others = [
        f"data.train=['{photographs / 'train'}']",
        f"data.cache='{tmp_path / 'cache'}'",
        f"watch.benchmark='{photographs / 'benchmark'}'",
        f"data.images={parts}",
        f"optimiser.accumulate={parts}",
        "data.patch=8",
        "data.workers=0",
        "model.start=",
    ]
    if written.data.scales is not None and written.data.points != "all":
        others += ["data.points=16"]
    if "bsrgan" in written.data.degradation:
        others += ["data.margin=2"]
    if written.losses.perceptual is not None:
        others += ["losses.perceptual.layers={conv1_1 = 1.0}"]
    console = Console(record=True, width=200)
    recipe = recipe_of(name, *others)
    run_recipe(recipe, tmp_path / "out", dry_run=True, device="cpu", console=console)
    said = console.export_text()
    assert f"{recipe.optimiser.steps} steps of {parts} crops of 8²" in said
    assert "tried 2 steps on cpu: l1 0." in said
    assert ("discriminator " in said) == (written.losses.adversarial is not None)


def test_both_stages_of_the_game(photographs, quiet, tmp_path, monkeypatch):
    """The first stage's weights are what the second goes on from, at any scale, with all losses."""
    torch.manual_seed(0)
    taps = perceptual.Taps(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), {"conv1_1": 1.0})
    monkeypatch.setattr("bigpicture.train.objective.vgg19", lambda layers: taps)
    shared = [
        "model.size=ciaosr-light",
        f"data.train=['{photographs / 'train'}']",
        f"data.cache='{tmp_path / 'cache'}'",
        f"watch.benchmark='{photographs / 'benchmark'}'",
        "watch.scale=2",
        "data.patch=8",
        "data.margin=2",
        "data.sharpen=true",
        "data.workers=0",
        "optimiser.steps=1",
    ]
    one = recipe_of("ciaosr-real-psnr", *shared, "data.images=2", "optimiser.rate=1e-9")
    first = run_recipe(one, tmp_path / "one", device="cpu", console=quiet)
    two = recipe_of(
        "ciaosr-real-gan",
        *shared,
        "data.images=4",
        "optimiser.accumulate=2",
        f"model.start='{first}'",
        "losses.perceptual.layers={conv1_1 = 1.0}",
        "losses.adversarial.channels=4",
    )
    assert run_recipe(two, tmp_path / "two", device="cpu", console=quiet)
    logged = (tmp_path / "two/log.jsonl").read_text()
    for name in ("l1", "perceptual", "generator", "discriminator"):
        assert f'"{name}"' in logged
