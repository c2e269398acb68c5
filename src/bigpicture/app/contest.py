"""Score models on sets of pictures: open everything first, then compute set by set."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from bigpicture.app.console import bar, complain, printable, refuse, warn
from bigpicture.app.options import load_model
from bigpicture.app.recording import warnings_told_apart
from bigpicture.app.stopping import Stop, Stopped, stoppable

if TYPE_CHECKING:
    from bigpicture.data.benchmarks import Benchmark
    from bigpicture.evaluate.crops import Crop
    from bigpicture.evaluate.run import ImageScore, Report, Restore, Restored
    from bigpicture.infer.model import Model
    from bigpicture.shapes import Tensor

__all__ = ["Computed", "Contest", "measure", "open_sets", "restorer", "shipped_for", "whole"]

Kind = Literal["bi", "bd", "dn"]

_Set = tuple[int | float, "Benchmark"]
_Watch = Callable[[str], None]
_Work = Callable[[int | float, "Benchmark", _Watch], None]


class Computed(TypedDict):
    """How networks are run, see `Model.upscale`."""

    tile: int | Literal["auto", "off"]
    ensemble: bool
    precision: Literal["auto", "fp32", "bf16", "fp16"]


@dataclass
class Contest:
    """Models that are scored on the same pictures.

    Attributes:
        protocol: How pictures are compared; None if there are no originals.
        metrics: Metrics to measure besides PSNR and SSIM.
        wanted: Number of crops to keep of each set.
        reports: The scores for each scale, set and model.
        methods: By model, the papers' name for a network of the same size.
        crops: Crops where the models differ most.
        failed: Model, scale, set and error for each report that could not be made.
        stopped: Exit status, if a signal ended the work.
        asked: Number of reports that were to be made.
    """

    protocol: str | None
    metrics: tuple[str, ...] = ()
    wanted: int = 0
    reports: list["Report"] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)
    crops: list["Crop"] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    stopped: int | None = None
    asked: int = 0
    _entered: dict[int | float, dict[str, "Restore"]] = field(default_factory=dict)
    _loaded: dict[str, "Model"] = field(default_factory=dict)

    def enter(
        self, names: Iterable[str], scale: int | float, device: str, computed: Computed
    ) -> None:
        """Load models for a scale; refuse unknown models and those of another scale."""
        entered = self._entered.setdefault(scale, {})
        for name in names:
            name = name.replace("{scale}", f"{scale:g}")
            if name in entered:
                refuse(f"--compare {name} is in the comparison already; name another model")
            if name != "bicubic" and name not in self._loaded:
                self._loaded[name] = load_model(name, device)
            model = self._loaded.get(name)
            entered[name] = _restore(model, name, scale, computed)
            if method := _method(model):
                self.methods[name] = method

    def run(self, sets: Mapping[int | float, Sequence["Benchmark"]]) -> bool:
        """Score the models of each scale on its sets; return whether all could be scored.

        Sets with unusable pictures are reported before anything is computed, and left out. A
        signal ends the work and sets `stopped`; the scores of finished sets are kept.
        """
        from bigpicture.evaluate.run import ScoreWarning
        from bigpicture.image import ImageWarning
        from bigpicture.infer import EngineWarning

        given = [(scale, each) for scale, benchmarks in sets.items() for each in benchmarks]
        self.asked = sum(len(self._entered[scale]) for scale, _ in given)
        heard = warnings_told_apart(ImageWarning, EngineWarning, ScoreWarning, otherwise=warn)
        try:
            with stoppable() as stop, heard:
                sound = self._each(given, self._look_through, stop)
                return len(self._each(sound, self._score, stop)) == len(given)
        except Stopped as stopped:
            self.stopped = stopped.status
            complain("stopped: only finished sets have scores")
        return False

    def _each(self, sets: Sequence[_Set], work: _Work, stop: Stop) -> list[_Set]:
        """Apply `work` to each set; report those that fail, and return the others."""
        from bigpicture.infer.memory import advising

        well: list[_Set] = []
        with bar(sum(len(benchmark) for _, benchmark in sets)) as shown:
            done = 0

            def watch(name: str) -> None:
                nonlocal done
                stop.check()
                done += 1
                shown.name(name)
                shown.reach(done)

            for number, (scale, benchmark) in enumerate(sets, 1):
                shown.name(benchmark.name)
                try:
                    with advising(f"{benchmark.name} ×{scale:g}", "give a smaller --tile"):
                        work(scale, benchmark, watch)
                    well.append((scale, benchmark))
                except (ValueError, OSError, ImportError) as error:
                    self._leave_out(scale, benchmark, error)
                done = sum(len(benchmark) for _, benchmark in sets[:number])
        return well

    def _leave_out(self, scale: int | float, benchmark: "Benchmark", error: Exception) -> None:
        """Report a set that cannot be scored."""
        complain("\n  ".join(map(printable, f"error: {error}".split("\n  "))))
        of = {"scale": scale, "benchmark": benchmark.name, "error": str(error)}
        self.failed += [{"model": model, **of} for model in self._entered[scale]]

    def _look_through(self, scale: int | float, benchmark: "Benchmark", watch: _Watch) -> None:
        from bigpicture.evaluate.look_through import look_through
        from bigpicture.metrics.protocol import PROTOCOLS

        protocol = None if self.protocol is None else PROTOCOLS[self.protocol]
        look_through(benchmark, protocol, self.metrics, watch)

    def _score(self, scale: int | float, benchmark: "Benchmark", watch: _Watch) -> None:
        from bigpicture.evaluate.crops import Gallery
        from bigpicture.evaluate.run import compare
        from bigpicture.metrics.protocol import PROTOCOLS

        gallery = Gallery(self.wanted, benchmark.name, scale) if self.wanted else None

        def scored(restored: "Restored") -> None:
            watch(restored.pair.name)
            if gallery is not None:
                gallery.watch(restored)

        self.reports += compare(
            self._entered[scale],
            benchmark,
            scale=scale,
            protocol=None if self.protocol is None else PROTOCOLS[self.protocol],
            metrics=self.metrics,
            watch=scored,
        )
        self.crops += [] if gallery is None else gallery.crops


def open_sets(
    high: Sequence[Path], low: Path | None, scale: int | float, degrade: Kind | None
) -> list["Benchmark"]:
    """Return the sets of pictures in some folders; refuse folders that hold none."""
    from bigpicture.data.benchmarks import open_benchmark, open_pictures
    from bigpicture.data.layouts import find_sets

    if degrade == "bd" and (scale != round(scale) or scale % 2 == 0):
        refuse(
            f"--degrade bd keeps the central pixel of each cell; give an odd --scale, not {scale:g}"
        )
    if not high and degrade is not None:
        refuse(f"--degrade {degrade}: it makes inputs from originals; give those with --hr")
    try:
        if not high:
            return [] if low is None else [open_pictures(low, scale=scale)]
        folders = [folder for each in high for folder in find_sets(each)]
        if low is not None and len(folders) > 1:
            refuse(f"--lr {low} is of one set, but --hr has {len(folders)}; give only one")
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
    """Return the scores of a model, showing a progress bar meanwhile."""
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
    """Return the function to evaluate; refuse unknown models and those of another scale."""
    loaded = None if model == "bicubic" else load_model(model, device)
    computed: Computed = {"tile": tile, "ensemble": ensemble, "precision": precision}
    return _restore(loaded, model, scale, computed)


def shipped_for(scale: int | float) -> str:
    """Return the shipped network made for a scale; if there is none, one that renders any scale.

    >>> shipped_for(3), shipped_for(2.5)
    ('uhdn-x3', 'ciaosr-light')
    """
    from bigpicture.weights.index import default_for, list_models

    shipped = {entry.name: entry for entry in list_models()}
    nearest = default_for(scale)
    of_any = (name for name, entry in shipped.items() if entry.any_scale)
    return nearest if shipped[nearest].scale == scale else next(of_any, nearest)


def whole(scale: int | float) -> int | float:
    """Return a whole scale as an int, as it appears in folder names and errors.

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
        refuse(
            f"--scale {scale:g}: {name} enlarges {loaded.scale} times; give that scale, or another "
            f"model, such as {shipped_for(scale)}. {{scale}} in a name, as in uhdn-x{{scale}}, is "
            "replaced by each --scale"
        )

    def restore(low: "Tensor") -> "Tensor":
        h, w = low.shape[-2:]
        return loaded.upscale(low, size=(round(scale * h), round(scale * w)), **computed)

    return restore


def _method(model: "Model | None") -> str | None:
    """Return the papers' name for a model, or None if they have no network of its size.

    Only the settings count, not the file name: a network with other settings is another one.
    """
    from bigpicture.evaluate.published import method_of
    from bigpicture.models.catalog import SIZES

    if model is None:
        return method_of("bicubic")
    settings = getattr(model.network, "settings", None)
    for size, settings_at in SIZES.items():
        with suppress(ValueError):  # some sizes exist for some scales only
            if settings_at(model.scale) == settings:
                return method_of(size)
    return None
