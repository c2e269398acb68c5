"""Compare RGT-S with its implementation in spandrel: results, seconds and memory.

    python benchmarks/rgt.py PYTHON [--scale 4] [--side 128] [--repeats 5] [--threads N]

PYTHON is an interpreter that has `spandrel` (0.4.2 was measured) and this package's dependencies;
this package need not be installed there. spandrel imports torchvision, which RGT does not need: if
it is missing, an empty one takes its place.

Both networks get the same random weights, none of them small, and take turns in one process. Their
results must agree to within 1e-4 of the output's standard deviation. Peak memory is that of one
pass in a separate process, minus what the process held before. Ours may take at most half of the
time and 0.7 of the memory, limits that are meant for ×4 on 128²; if it exceeds one of them, the
exit status is 1.
"""

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import torch
from limits import Limits
from peak import held, reported
from timing import interleaved
from torch import nn

from bigpicture.models.network import Network
from bigpicture.models.rgt import rgt_s
from bigpicture.weights.public.rgt import RELEASE

SOURCE = Path(__file__).resolve().parents[1] / "src"


class NoTorchvision(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds empty modules in place of torchvision's, in which every attribute is a class."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a torchvision module, None for other modules."""
        if fullname.split(".")[0] != "torchvision":
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """Return an empty module."""
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: _nothing(name)  # pyright: ignore[reportAttributeAccessIssue]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Leave it empty."""


def _nothing(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})


def published(scale: int) -> nn.Module:
    """Return spandrel's RGT-S."""
    if importlib.util.find_spec("torchvision") is None:
        sys.meta_path.insert(0, NoTorchvision())
    from spandrel.architectures.RGT import RGT  # pyright: ignore[reportMissingImports]

    return RGT(
        upscale=scale,
        embed_dim=180,
        depth=[6] * 6,
        num_heads=[6] * 6,
        mlp_ratio=2,
        split_size=[8, 32],
        c_ratio=0.5,
    ).eval()


def ours(scale: int) -> nn.Module:
    """Return this package's RGT-S."""
    return Network(rgt_s(scale)).eval()


def pair(scale: int) -> dict[str, nn.Module]:
    """Return both networks with the same weights, under which every part has an effect."""
    theirs, own = published(scale), ours(scale)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "norm" in name or "before_RG" in name or name.endswith("gamma"):
                parameter.uniform_(0.5, 1.0)
            elif ".pos." in name:
                parameter.normal_()
            else:
                parameter.normal_(std=parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.1)
    own.load_state_dict(RELEASE.convert(dict(theirs.state_dict())).tensors)
    return {"spandrel": theirs, "ours": own}


@torch.inference_mode()
def compare(scale: int, side: int, repeats: int) -> int:
    """Print how far the results differ, and both median times; return the exit status."""
    networks = pair(scale)
    low = torch.rand(1, 3, side, side)
    high = {name: network(low) for name, network in networks.items()}
    expected = high["spandrel"]
    error = ((high["ours"] - expected).abs().max() / expected.std()).item()
    print(f"greatest difference: {error:.1e} of the output's deviation", flush=True)
    if not error <= 1e-4:  # NaN, too
        raise SystemExit("the results differ")
    runs = {name: lambda network=network: network(low) for name, network in networks.items()}
    medians = interleaved(runs, repeats)
    for name, median in medians.items():
        print(f"{name}: {median:.3f} s", flush=True)
    limits = Limits()
    print(f"times faster: {limits.least(medians['spandrel'] / medians['ours'], 2)}", flush=True)
    return limits.status


@torch.inference_mode()
def memory(build: Callable[[int], nn.Module], scale: int, side: int) -> None:
    """Print how many MiB one pass takes beyond what the process held before."""
    network, low = build(scale), torch.rand(1, 3, side, side)
    found = held(lambda: network(low))
    print((found.peak - found.before) / 2**20)


def main() -> int:
    """Run the comparison with the interpreter that has both; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", help="an interpreter that has spandrel")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--run", choices=("speed", "spandrel", "ours"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.run == "speed":
        return compare(options.scale, options.side, options.repeats)
    if options.run:
        build = published if options.run == "spandrel" else ours
        memory(build, options.scale, options.side)
        return 0
    command = [options.python, "-W", "ignore", __file__, *sys.argv[1:], "--run"]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    slow = subprocess.run([*command, "speed"], env=environment, check=False).returncode
    limits, peaks = Limits(), {}
    for name in ("spandrel", "ours"):
        peaks[name] = reported([*command, name], environment)
        print(f"{name}: {peaks[name]:.0f} MiB at most")
    print(f"share of the memory: {limits.most(peaks['ours'] / peaks['spandrel'], 0.7)}")
    return slow or limits.status


if __name__ == "__main__":
    sys.exit(main())
