import pytest
import torch

from bigpicture.analysis.attribution import BlurPath
from bigpicture.analysis.attribution_figure import attributed, show_attributions
from bigpicture.analysis.spread import share_beyond, shares_by_distance
from bigpicture.infer.model import Model
from bigpicture.layers.modulation import Modulation
from bigpicture.models.backbones.hourglass import HourglassSettings
from bigpicture.models.heads.subpixel import SubPixelSettings
from bigpicture.models.network import Network, NetworkSettings

LOW = torch.rand(1, 3, 33, 33, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def hourglass(modulation: Modulation, scale: int = 2) -> Model:
    backbone = HourglassSettings(
        channels=16, growth=4, blocks=1, depths=(1, 1), modulation=modulation
    )
    network = Network(NetworkSettings(backbone, SubPixelSettings(scale=scale)))
    return Model(network.double(), network.limits)


# of the windows, the last pixel that a gradient needs is the last on its low-resolution pixel
@pytest.mark.parametrize(("scale", "window"), [(1, 4), (2, 4), (3, 8)])
def test_without_contexts_all_is_attributed_up_to_the_reach(scale, window):
    model = hourglass(Modulation("none"), scale)
    found = attributed(model, LOW, (16, 16), window, BlurPath(steps=1))
    assert found.reach == model.limits.reach
    assert found.numbers()["share_beyond_reach"] == 0
    shares = shares_by_distance(found.found.values, found.under)
    assert share_beyond(shares, found.reach - 1) > 0


def test_of_a_context_attribution_lies_beyond_the_reach():
    model = hourglass(Modulation("channel"))
    found = attributed(model, LOW, (16, 16), 4, BlurPath(steps=1))
    assert found.numbers()["share_beyond_reach"] > 0


def test_kernels_that_learn_from_the_mean_of_a_batch_do_not_depend_on_it():
    model = hourglass(Modulation("ikm", gradient="go"))
    low, path = LOW[..., :12, :12], BlurPath(sigma=3, steps=4)
    single, batch = (attributed(model, low, (6, 6), 4, path, batch=n).found for n in (1, 4))
    torch.testing.assert_close(single.values, batch.values)
    torch.testing.assert_close(single.restored, model(low))


def test_the_figure_says_where_in_the_picture_the_crop_is():
    model, path = hourglass(Modulation("none")), BlurPath(steps=1)
    crop = slice(3, 15), slice(7, 20)
    low = LOW[..., *crop]
    found = attributed(model, low, (5, 4), 6, path)
    _, caption, numbers = show_attributions(low, {"mine": found}, path, (8, 11), crop)
    assert "column 11, row 8" in caption
    assert numbers["at"] == [11, 8]
    assert numbers["crop"] == {"left": 7, "top": 3, "width": 13, "height": 12}
    assert numbers["networks"]["mine"]["size"] == [13, 12]
