"""Models on sets of pictures: opened before anything is computed, then run set by set."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from bigpicture.app.console import Bar, bar, complain, printable, refuse
from bigpicture.app.options import load_model

if TYPE_CHECKING:
    from bigpicture.data.benchmarks import Benchmark
    from bigpicture.evaluate.crops import Crop
    from bigpicture.evaluate.run import ImageScore, Report, Restore, Restored
    from bigpicture.infer.model import Model
    from bigpicture.shapes import Tensor

__all__ = ["Computed", "Contest", "measure", "open_sets", "restorer", "whole"]

Kind = Literal["bi", "bd", "dn"]


class Computed(TypedDict):
    """How networks are run, see `Model.upscale`."""

    tile: int | Literal["auto", "off"]
    ensemble: bool
    precision: Literal["auto", "fp32", "bf16", "fp16"]


@dataclass
class Contest:
    """Models that are scored on the same pictures.

    Attributes:
        protocol: How pictures are compared; None where there are no originals.
        metrics: What is measured beside PSNR and SSIM.
        wanted: Crops to keep of each set.
        reports: What came out, for each scale, set and model.
        methods: By model, the papers' name for a network of the same size.
        crops: Where the models differ most.
    """

    protocol: str | None
    metrics: tuple[str, ...] = ()
    wanted: int = 0
    reports: list["Report"] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)
    crops: list["Crop"] = field(default_factory=list)
    _entered: dict[int | float, dict[str, "Restore"]] = field(default_factory=dict)
    _loaded: dict[str, "Model"] = field(default_factory=dict)

    def enter(
        self, names: Iterable[str], scale: int | float, device: str, computed: Computed
    ) -> None:
        """Load models for a scale; refuse what is no model, or one of another scale."""
        entered = self._entered.setdefault(scale, {})
        for name in names:
            name = name.replace("{scale}", f"{scale:g}")
            if name in entered:
                refuse(f"--compare {name}: it is in the comparison already; name another model")
            if name != "bicubic" and name not in self._loaded:
                self._loaded[name] = load_model(name, device)
            model = self._loaded.get(name)
            entered[name] = _restore(model, name, scale, computed)
            if method := _method(model):
                self.methods[name] = method

    def run(self, sets: Mapping[int | float, Sequence["Benchmark"]]) -> bool:
        """Score the models of each scale on its sets; return whether a set failed."""
        failed = False
        total = sum(len(each) for benchmarks in sets.values() for each in benchmarks)
        with bar(total) as shown:
            done = 0
            for scale, benchmarks in sets.items():
                for benchmark in benchmarks:
                    try:
                        self._run(benchmark, scale, shown, done)
                    except (ValueError, OSError, ImportError) as error:
                        complain(f"error: {printable(str(error))}")
                        failed = True
                    done += len(benchmark)
        return failed

    def _run(self, benchmark: "Benchmark", scale: int | float, shown: Bar, done: int) -> None:
        from bigpicture.evaluate.crops import Gallery
        from bigpicture.evaluate.run import compare
        from bigpicture.metrics.protocol import PROTOCOLS

        gallery = Gallery(self.wanted, benchmark.name, scale) if self.wanted else None

        def watch(restored: "Restored") -> None:
            nonlocal done
            done += 1
            shown.name(restored.pair.name)
            shown.reach(done)
            if gallery is not None:
                gallery.watch(restored)

        shown.name(benchmark.name)
        self.reports += compare(
            self._entered[scale],
            benchmark,
            scale=scale,
            protocol=None if self.protocol is None else PROTOCOLS[self.protocol],
            metrics=self.metrics,
            watch=watch,
        )
        self.crops += [] if gallery is None else gallery.crops


def open_sets(
    high: Sequence[Path], low: Path | None, scale: int | float, degrade: Kind | None
) -> list["Benchmark"]:
    """Return the sets of pictures that folders hold; refuse what is none."""
    from bigpicture.data.benchmarks import open_benchmark, open_pictures
    from bigpicture.data.layouts import find_sets

    if degrade == "bd" and (scale != round(scale) or scale % 2 == 0):
        refuse(f"--degrade bd --scale {scale:g}: it keeps the centre of a cell; give an odd scale")
    if not high and degrade is not None:
        refuse(f"--degrade {degrade}: it makes inputs of originals; give these with --hr")
    try:
        if not high:
            return [] if low is None else [open_pictures(low, scale=scale)]
        folders = [folder for each in high for folder in find_sets(each)]
        if low is not None and len(folders) > 1:
            refuse(f"--lr {low} is of one set, but --hr gives {len(folders)}; give one of them")
        sets = []
        for folder in folders:
            benchmark = open_benchmark(folder, low, scale=scale, degrade=degrade)
            clash = any(other.name == benchmark.name for other in sets)
            sets.append(replace(benchmark, name=str(folder)) if clash else benchmark)
        return sets
    except (ValueError, OSError) as error:
        refuse(error)


def measure(
    restore: "Restore", pairs: "Benchmark", *, scale: int | float, protocol: str, model: str
) -> "Report":
    """Return the scores of a model, with a progress bar while it works."""
    from bigpicture.evaluate.run import evaluate
    from bigpicture.metrics.protocol import PROTOCOLS

    with bar(len(pairs)) as shown:
        done = 0

        def advance(score: "ImageScore") -> None:
            nonlocal done
            done += 1
            shown.name(score.name)
            shown.reach(done)

        how = PROTOCOLS[protocol]
        return evaluate(restore, pairs, scale=scale, protocol=how, model=model, progress=advance)


def restorer(
    model: str,
    scale: int | float,
    device: str,
    *,
    tile: int | Literal["auto", "off"],
    ensemble: bool,
    precision: Literal["auto", "fp32", "bf16", "fp16"],
) -> "Restore":
    """Return what is evaluated; refuse what is no model, or one of another scale."""
    loaded = None if model == "bicubic" else load_model(model, device)
    computed: Computed = {"tile": tile, "ensemble": ensemble, "precision": precision}
    return _restore(loaded, model, scale, computed)


def whole(scale: int | float) -> int | float:
    """Return a whole scale as an int, which is how folders and errors name it.

    >>> whole(2.0), whole(2.5)
    (2, 2.5)
    """
    return int(scale) if scale == int(scale) else scale


def _restore(
    loaded: "Model | None", name: str, scale: int | float, computed: Computed
) -> "Restore":
    from bigpicture.evaluate.bicubic import bicubic

    if loaded is None:
        return bicubic(whole(scale))
    if loaded.scale == scale and not loaded.limits.any_scale:
        return lambda low: loaded.upscale(low, **computed)
    if not loaded.limits.any_scale:
        refuse(f"--scale {scale:g}: {name} enlarges {loaded.scale} times; give its own scale")

    def restore(low: "Tensor") -> "Tensor":
        h, w = low.shape[-2:]
        return loaded.upscale(low, size=(round(scale * h), round(scale * w)), **computed)

    return restore


def _method(model: "Model | None") -> str | None:
    """Return the papers' name for a model, None if it is of none of the sizes that they have.

    A file's name says nothing: what has other settings is another network.
    """
    from bigpicture.evaluate.published import method_of
    from bigpicture.models.catalog import SIZES

    if model is None:
        return method_of("bicubic")
    settings = getattr(model.network, "settings", None)
    for size, settings_at in SIZES.items():
        with suppress(ValueError):  # some sizes are published for some scales
            if settings_at(model.scale) == settings:
                return method_of(size)
    return None
