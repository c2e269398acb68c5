import pytest

from bigpicture.app.contest import _method, shipped_for
from bigpicture.infer.model import Model
from bigpicture.models.catalog import build
from bigpicture.weights.index import default_for


def loaded(size, scale, **options):
    network = build(size, scale, **options)
    return Model(network, network.limits)


def test_models_are_known_by_their_settings():
    assert _method(None) == "Bicubic"
    assert _method(loaded("rcan", 4)) == "RCAN"
    assert _method(loaded("uhdn", 2)) == "U-HDN+IKM"
    assert _method(loaded("uhdn", 2, attention="none")) is None
    assert _method(loaded("rgt-light", 2)) is None
    assert _method(loaded("ciaosr-light", 4)) is None


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_shipped_model_of_a_scale_is_that_of_upscale(scale):
    assert shipped_for(scale) == default_for(scale)
