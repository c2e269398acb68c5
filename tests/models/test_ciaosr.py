"""CiaoSR and LIIF against their releases and against transcriptions of their formulas."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.nn import functional as F

from bigpicture.analysis.cost import cost, parameters
from bigpicture.config import load
from bigpicture.context.contract import Part, Span
from bigpicture.data.crops import generator
from bigpicture.models import ciaosr
from bigpicture.models.backbones.edsr import EDSRSettings
from bigpicture.models.backbones.rdn import RDNSettings
from bigpicture.models.heads import continuous
from bigpicture.models.heads.coordinates import locate, pixel_centres
from bigpicture.models.heads.implicit import ImplicitSettings
from bigpicture.models.heads.liif import LIIFSettings
from bigpicture.models.network import NetworkSettings
from bigpicture.train.recipe import Recipe
from bigpicture.weights.file import load_file
from bigpicture.weights.public import ciaosr as release
from bigpicture.weights.public import liif as liif_release
from bigpicture.weights.rules import edsr, rdn, swinir
from support.networks import shaken, weightless

TINY = ImplicitSettings(hidden=6, depth=2)
HEADS = {
    "implicit": TINY,
    "local": replace(TINY, non_local=()),
    "three scales": replace(TINY, non_local=(2, 3, 4)),
    "mlp": replace(TINY, ensemble="mlp"),
    "liif": LIIFSettings(hidden=6, depth=2),
}

heads = pytest.mark.parametrize("kind", HEADS)


def made(kind: str, channels: int = 4):
    """Return a head in float64 of which nothing is as it started, features and a picture."""
    head = HEADS[kind].build(channels, 3).double().eval()
    for parameter in head.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return head


def inputs(height: int, width: int, count: int = 2, channels: int = 4):
    shape = {"dtype": torch.float64}
    return torch.randn(count, channels, height, width, **shape), torch.rand(
        count, 3, height, width, **shape
    )


def points(height: int, width: int, like: torch.Tensor) -> torch.Tensor:
    rows, columns = pixel_centres(height, like), pixel_centres(width, like)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).flatten(0, 1)


def sampled(x, coordinates, mode="nearest"):
    where = coordinates.flip(-1)[:, None]
    y = F.grid_sample(x, where, mode=mode, padding_mode="border", align_corners=False)
    return y[:, :, 0].mT


def by_the_formula(head, features, low, coordinates, cell):
    """A head with everything done for each neighbour of each point, as the papers write it."""
    b, c, h, w = features.shape
    size = torch.tensor([h, w], dtype=features.dtype)
    around = F.unfold(features, 3, padding=1).view(b, 9 * c, h, w)
    enriched = torch.cat([around, head.enrich(features)[:, c:]], 1)
    centres = points(h, w, features).mT.view(1, 2, h, w).expand(b, -1, -1, -1)
    is_liif = isinstance(head.settings, LIIFSettings)
    outputs, logits, areas = [], [], []
    for vy, vx in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        reach = 1 / size if is_liif else (1 - cell) / (size - 1).clamp(min=1)
        moved = coordinates + torch.tensor([vy, vx]) * reach + 1e-6
        moved = moved.clamp(-1 + 1e-6, 1 - 1e-6)
        relative = (coordinates - sampled(centres, moved)) * size
        where = torch.cat([relative, cell * size], -1)
        key, value = sampled(around, moved), sampled(enriched, moved)
        if is_liif:
            outputs.append(head.imnet(torch.cat([key, where], -1).flatten(0, 1)).view(b, -1, 3))
            areas.append(relative.prod(-1, keepdim=True).abs() + 1e-9)
            continue
        k = head.phi_k(torch.cat([key, where], -1).flatten(0, 1)).view(b, len(cell[0]), -1)
        if head.settings.ensemble == "attention":
            k = (sampled(around, coordinates) * key * k).sum(-1, keepdim=True)
        v = head.phi_v(torch.cat([value, where], -1).flatten(0, 1)).view_as(value)
        logits.append(k)
        outputs.append(value * v)
    if is_liif:
        return sum(o * a for o, a in zip(outputs, reversed(areas), strict=True)) / sum(areas)
    weights = torch.softmax(torch.stack(logits), 0)
    seen = (torch.stack(outputs) * weights).sum(0)
    drawn = head.phi_q(seen.flatten(0, 1)).view(b, -1, 3)
    return drawn + sampled(low, coordinates, "bilinear")


@pytest.mark.parametrize(
    ("size", "head", "whole"),
    [
        ("ciaosr_edsr", 1_428_614, 2_649_030),  # 1.43 M; the paper: 1.4 M
        ("ciaosr_rdn", 1_428_614, 23_402_566),
        ("ciaosr_swinir", 3_167_918, 14_667_218),
        ("ciaosr_rgt", 3_167_918, 12_965_786),
        ("ciaosr_uhdn", 1_428_614, 2_808_518),
        ("ciaosr_light", 471_718, 992_662),
        ("liif_edsr", 346_883, 1_567_299),  # LIIF's authors: 1.567 M
        ("liif_rdn", 346_883, 22_320_835),
        ("liif_swinir", 614_147, 12_113_447),
        ("liif_light", 105_859, 626_803),
    ],
)
def test_parameters(size, head, whole):
    network = weightless(getattr(ciaosr, size)(4))
    assert [parameters(part) for part in (network.head, network)] == [head, whole]


def test_multiply_adds_are_three_fifths_of_what_the_formulas_read_like():
    found = cost(weightless(ciaosr.ciaosr_edsr(4)), (96, 96)).multiply_adds
    queries, places, hidden = 384**2, 96**2, 3 * 256**2
    key, value = (580 * 256 + hidden + 256 * 576), (644 * 256 + hidden + 256 * 640)
    query = 640 * 256 + hidden + 256 * 3
    patches = places * (places // 4) * 9 * (32 + 4 * 64)
    literal = queries * (4 * (key + value) + query) + patches
    assert found / literal == pytest.approx(0.58, abs=0.005)


@pytest.mark.parametrize("column", ciaosr.ABLATIONS)
def test_the_columns_of_table_4_build_on_rdn(column):
    settings = ciaosr.ABLATIONS[column]
    assert settings.backbone == RDNSettings()
    with_non_local = any("non_local" in name for name, _ in weightless(settings).named_parameters())
    assert with_non_local == ("non-local" in column)


@pytest.mark.parametrize("prefix", ["", "generator."])
@pytest.mark.parametrize("kind", ["", "_multiscale", "_local"])
def test_agrees_with_the_release(kind, prefix, golden, from_release):
    published = golden(f"ciaosr_edsr_tiny{kind}")
    config, seen = published.config, published.seen
    public = {prefix + key: value for key, value in published.public.items()}
    network = from_release(release.RELEASE, edsr, public)
    searched = tuple(config["multi_scale"]) if config["non_local_attn"] else ()
    assert network.settings.mean == tuple(config["rgb_mean"])
    assert network.settings.head == ImplicitSettings(hidden=24, non_local=searched)
    assert len(published.pairs) == 3
    for i, (low, high) in enumerate(published.pairs):
        with torch.inference_mode():
            grid = network(low, tuple(high.shape[-2:]))
            drawn = network.query(low, seen[f"coord.{i}"], seen[f"cell.{i}"])
        for found in (grid, drawn.mT.view_as(high)):
            assert (found - high).abs().max() / high.std() < 1e-4


def test_the_releases_on_swinir_load(golden, from_release):
    upsampler = "conv_before_upsample", "upsample", "conv_last"
    public = golden("swinir_tiny_x2").public
    public = {key: value for key, value in public.items() if not key.startswith(upsampler)}
    head = TINY.build(len(public["conv_first.weight"]), 3)
    network = from_release(release.RELEASE, swinir, public | as_released(head))
    assert network.settings.backbone.kind == "swinir"
    assert torch.equal(network.head.phi_k.last.weight, head.phi_k.last.weight)


def as_released(head) -> dict:
    """Return a CiaoSR head's tensors under the release's keys."""
    names = {"match": "conv_match_1", "reference": "conv_match_2", "values": "conv_assembly"}
    released = {}
    for key, value in head.state_dict().items():
        part, _, rest = key.partition(".")
        if part.startswith("phi_"):
            released[f"imnet_{part[-1]}.layers.{rest}"] = value
            continue
        name, _, rest = rest.partition(".")
        if name == "down":
            name, rest = {"2": "down", "3": "downx3", "4": "downx4"}[rest[0]], rest[2:]
        released[f"cs_attn.{names.get(name, name)}.{rest}"] = value
    return released | {"cs_attn.escape_NaN": torch.tensor([1e-4])}


def test_the_releases_on_rdn_load(from_release):
    shapes = {"sfe1": (4, 3, 3), "sfe2": (4, 4, 3), "gff.0": (4, 8, 1), "gff.1": (4, 4, 3)}
    for block in range(2):
        shapes |= {f"rdbs.{block}.layers.{i}.conv": (2, 4 + 2 * i, 3) for i in range(3)}
        shapes[f"rdbs.{block}.lff"] = (4, 10, 1)
    public = as_released(HEADS["three scales"].build(4, 3)) | {"step_counter": torch.zeros(1)}
    for name, (c_out, c_in, k) in shapes.items():
        public[f"{name}.weight"] = torch.randn(c_out, c_in, k, k)
        public[f"{name}.bias"] = torch.randn(c_out)
    public = {f"generator.{key}": value for key, value in public.items()}
    network = from_release(release.RELEASE, rdn, public)
    assert network.settings.backbone == RDNSettings(channels=4, growth=2, blocks=2, depth=3)
    assert network.settings.head.non_local == (2, 3, 4)


def test_a_release_without_a_backbone_is_refused():
    with pytest.raises(KeyError, match=r"rdbs\.0"):
        release.RELEASE.convert(as_released(TINY.build(4, 3)))


def test_liif_s_release_loads(from_release, tmp_path):
    head = HEADS["liif"].build(4, 3)
    public = {f"imnet.layers.{key[6:]}": value for key, value in head.state_dict().items()}
    shapes = {"head.0": (4, 3), "body.0.body.0": (4, 4), "body.0.body.2": (4, 4), "body.1": (4, 4)}
    for name, (c_out, c_in) in shapes.items():
        public[f"encoder.{name}.weight"] = torch.randn(c_out, c_in, 3, 3)
        public[f"encoder.{name}.bias"] = torch.randn(c_out)
    public["encoder.sub_mean.weight"] = torch.eye(3)[..., None, None]
    network = from_release(liif_release.RELEASE, edsr, public)
    assert network.settings.backbone == EDSRSettings(channels=4, blocks=1)
    assert network.settings.mean == (0.5,)
    # its training program writes what it read of its settings, and in them the tensors
    spec = {"name": "liif", "args": {"encoder_spec": {"name": "edsr-baseline"}}, "sd": public}
    checkpoint = {"model": spec, "optimizer": {"name": "adam", "sd": {"state": {}}}, "epoch": 1000}
    torch.save(checkpoint, tmp_path / "epoch-last.pth")
    assert load_file(tmp_path / "epoch-last.pth").network.settings == network.settings


@heads
def test_a_size_without_pixels_is_refused(kind):
    with pytest.raises(ValueError, match=r"at least 1 pixel, not \(0, 4\)"):
        made(kind)(*inputs(3, 3), (0, 4))


SIZES = [
    ((1, 1), (3, 2)),
    ((2, 1), (1, 1)),
    ((2, 2), (4, 4)),
    ((7, 3), (13, 11)),
    ((6, 9), (24, 36)),
    ((6, 5), (11, 8)),
    ((9, 8), (4, 3)),
]


@heads
@pytest.mark.parametrize(("size", "result"), SIZES, ids=str)
def test_agrees_with_the_formula_on_grids_and_at_points(kind, size, result, monkeypatch):
    head, (features, low) = made(kind), inputs(*size)
    coordinates = points(*result, features).expand(2, -1, -1)
    cell = torch.tensor([2 / side for side in result], dtype=features.dtype).expand_as(coordinates)
    expected = by_the_formula(head, features, low, coordinates, cell)
    torch.testing.assert_close(head.query(features, low, coordinates, cell), expected)
    torch.testing.assert_close(head(features, low, result).flatten(2).mT, expected)
    monkeypatch.setattr(continuous, "_BAND", 1)
    monkeypatch.setattr(continuous, "_CHUNK_ON_CPU", 5)
    with torch.no_grad():
        in_pieces = head(features, low, result)
    torch.testing.assert_close(in_pieces.flatten(2).mT, expected)


@given(st.integers(1, 400), st.integers(1, 1200))
@example(20, 30)
def test_what_is_nearest_is_decided_as_the_releases_do(there, wanted):
    # where a point is as near to one pixel as to another, by the rounding of float32
    x = pixel_centres(wanted, torch.empty(0))
    where = torch.stack([x, torch.zeros_like(x)], -1).view(1, 1, -1, 2)
    numbers = torch.arange(float(there)).view(1, 1, 1, -1)
    expected = F.grid_sample(numbers, where, "nearest", "border", align_corners=False)
    found = locate(x, 0.0, Span(0, there, there, there, 0), 0.0).nearest
    assert torch.equal(found, expected.flatten().long())


@heads
def test_points_may_lie_anywhere_and_differ_in_size(kind):
    head, (features, low) = made(kind), inputs(5, 8)
    coordinates = torch.rand(2, 30, 2, dtype=torch.float64) * 2 - 1
    coordinates[:, 0] = torch.tensor([-1.0, 1.0])
    cell = torch.rand_like(coordinates) / 4
    found = head.query(features, low, coordinates, cell)
    torch.testing.assert_close(found, by_the_formula(head, features, low, coordinates, cell))
    alone = [
        head.query(features[1:], low[1:], coordinates[1:, i : i + 1], cell[1:, i : i + 1])
        for i in range(30)
    ]
    torch.testing.assert_close(torch.cat(alone, 1), found[1:])


@heads
def test_a_window_is_rendered_from_a_tile_as_from_the_whole(kind):
    head, (features, low) = made(kind), inputs(20, 26)
    size = 53, 61
    rows, columns = (pixel_centres(side, low) for side in size)
    whole = head(features, low, size)
    if head.settings.kind == "implicit" and head.non_local:
        context = head.non_local.gather(features)
        head.non_local.gather = lambda x, part=None: context
    top, left, halo = 7, 9, head.reach
    part = Part(
        Span(top, 12, 20, 12 + halo - (top - halo), halo),
        Span(left, 26, 26, 26 - (left - halo), halo),
    )
    tiles = (x[..., top - halo : 12 + halo, left - halo :] for x in (features, low))
    across, down = (slice(24, 61), slice(19, 31))
    cell = (2 / size[0], 2 / size[1])
    window = head.grid(*tiles, rows[down], columns[across], cell, part)
    torch.testing.assert_close(window, whole[..., down, across])


@heads
def test_gradients_are_the_true_ones(kind):
    head, (features, low) = made(kind, channels=2), inputs(3, 4, count=1, channels=2)
    names, values = zip(*head.named_parameters(), strict=True)

    def draw(features, low, *values):
        state = dict(zip(names, values, strict=True))
        return torch.func.functional_call(head, state, (features, low, (5, 4)))

    wanted = features.requires_grad_(), low.requires_grad_(), *values
    assert torch.autograd.gradcheck(draw, wanted, fast_mode=True)


@heads
def test_gradients_at_points_are_the_formula_s(kind):
    head, (features, low) = made(kind), inputs(5, 4)
    coordinates = torch.rand(2, 12, 2, dtype=torch.float64) * 2 - 1
    arguments = features.requires_grad_(), low, coordinates, torch.full_like(coordinates, 0.1)
    wanted = features, *head.parameters()
    found, expected = (
        torch.autograd.grad(way(*arguments).sin().sum(), wanted)
        for way in (head.query, lambda *arguments: by_the_formula(head, *arguments))
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


RECIPE = Path(__file__).parents[2] / "recipes" / "papers" / "ciaosr-rdn.toml"


@pytest.mark.parametrize("scales", [{2}, {3}, {4}, {2, 3, 4}])
def test_the_rows_of_table_5_are_a_setting_of_the_recipe(scales):
    recipe = load(RECIPE, Recipe, [f"data.scales={{among={sorted(scales)}}}"])
    drawn = {recipe.data.scales.draw(generator(0, step)) for step in range(40)}
    assert drawn == scales
    published = load(RECIPE, Recipe)
    drawn = [published.data.scales.draw(generator(0, step)) for step in range(40)]
    assert 1 <= min(drawn) < 1.5 < 3.5 < max(drawn) <= 4
    changed = published.data.model_copy(update={"scales": recipe.data.scales})
    assert recipe == published.model_copy(update={"data": changed})


def test_the_rows_of_table_6_are_calls_of_one_network():
    network = shaken(NetworkSettings(EDSRSettings(channels=4, blocks=1), TINY))
    low = torch.rand(1, 3, 5, 6)
    rows = [(), (2,), (2, 4)]  # before ×12
    with torch.no_grad():
        found = []
        for steps in rows:
            high = low
            for scale in (*steps, 12):
                high = network(high, (5 * scale, 6 * scale))
            found.append(high)
    assert {high.shape for high in found} == {(1, 3, 60, 72)}
    assert all((one - other).abs().max() > 1e-3 for one, other in pairwise(found))


@heads
def test_bf16_autocast_learns(kind):
    head = HEADS[kind].build(4, 3)
    features, low = (x.float() for x in inputs(6, 7))
    with torch.autocast("cpu", torch.bfloat16):
        high = head(features, low, (12, 15))
    torch.testing.assert_close(high.float(), head(features, low, (12, 15)), atol=0.05, rtol=0.05)
    high.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"scale": 0}, "scale must be a whole number of at least 1, not 0"),
        ({"depth": 0}, "depth must be at least 1 hidden layer, not 0"),
        ({"non_local": (5,)}, "scales must be among 2, 3 and 4"),
    ],
)
def test_wrong_settings_are_named(bad, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **bad).build(4, 3)
