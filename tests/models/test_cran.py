import pytest
import torch

from bigpicture.analysis.conventions import by_hooks
from bigpicture.analysis.cost import parameters
from bigpicture.context.crac import CRACConv2d
from bigpicture.layers.blocks import Residual
from bigpicture.layers.modulation import Modulation
from bigpicture.models.backbones.rcan import RCANSettings
from bigpicture.models.cran import block_types, cran, cran_light, interactions, positions
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings
from support.networks import weightless

TINY = NetworkSettings(
    RCANSettings(channels=8, groups=2, blocks=2, modulation=Modulation("crac"), places=(2,)),
    SubPixelSettings(scale=2),
    std=(1 / 255,) * 3,
)


def test_parameters_and_multiply_adds():
    network = weightless(cran(2))
    kernels = [m.weight.numel() for m in network.modules() if isinstance(m, CRACConv2d)]
    counted = by_hooks(network, (160, 160))
    true = counted.true

    assert kernels == [64 * 64 * 9] * 20
    assert true.parameters == 15_679_503
    assert true.by_operator["convolution"] / 1e9 == pytest.approx(391.864, abs=1e-3)
    assert true.multiply_adds / 1e9 == pytest.approx(391.866, abs=1e-3)  # masks included

    # as the paper counts, without the kernels
    assert round(counted.parameters / 1e6, 2) == 14.94
    assert round(counted.multiply_adds / 1e9, 2) == 372.99
    missed = true.by_operator["convolution"] - counted.multiply_adds
    assert missed == pytest.approx(sum(kernels) * 160**2, rel=1e-4)


def test_the_published_composition():
    backbone = Network(cran(3)).backbone
    assert len(backbone.blocks) == 10
    for group in backbone.blocks:
        *blocks, last = group.body
        assert len(blocks) == 20
        assert all(isinstance(block, Residual) for block in blocks)
        steered = [isinstance(block.body[0], CRACConv2d) for block in blocks]
        assert steered == [False] * 19 + [True]
        assert isinstance(blocks[-1].body[2], CRACConv2d)
        assert isinstance(last, torch.nn.Conv2d)


@pytest.mark.parametrize(("scale", "count"), [(2, 1_101_627), (3, 1_205_547), (4, 1_184_763)])
def test_the_light_one_is_light(scale, count):
    assert parameters(Network(cran_light(scale))) == count


def test_the_rows_of_the_ablations():
    assert list(block_types()) == ["RB", "RCAB", "CRAB (w/o CDRR)", "CRAB"]
    built = {name: Network(s) for name, s in {**block_types(), **interactions()}.items()}
    kernels = {
        name: sum(isinstance(m, CRACConv2d) for m in network.modules())
        for name, network in built.items()
    }
    assert kernels == dict.fromkeys(built, 32) | {"RB": 0, "RCAB": 0}
    first = {name: network.backbone.blocks[0].body[0] for name, network in built.items()}
    assert first["CRAB (w/o CDRR)"].reason is None
    assert first["F_A2"].by_output is first["F_A2"].interact is None
    assert first["F_A1, F_CI"].by_input is None
    assert first["F_A1, F_A2"].interact is None
    whole = [block_types()["CRAB"], interactions()["F_A1, F_A2, F_CI"]]
    assert whole[0] == whole[1]
    assert all(
        part is not None
        for part in (first["CRAB"].reason, first["CRAB"].interact, first["CRAB"].by_input)
    )

    places = {}
    for name, settings in positions().items():
        blocks = Network(settings).backbone.blocks
        places[name] = [
            n for n, b in enumerate(blocks, 1) if any(isinstance(m, CRACConv2d) for m in b.body)
        ]
    assert places == {"Baseline": [], "1-st": [1], "4-th": [4], "8-th": [8], "16-th": [16]}


def test_a_batch_is_its_pictures_one_by_one():
    network, low = Network(TINY).eval(), torch.rand(4, 3, 10, 12)
    one_by_one = torch.cat([network(picture[None]) for picture in low])
    torch.testing.assert_close(network(low), one_by_one, atol=1e-5, rtol=1e-5)
    # also where it would not be split into its pictures
    together = network.normalise.undo(network.head(network.backbone(network.normalise(low)), low))
    torch.testing.assert_close(together, one_by_one, atol=1e-5, rtol=1e-5)
