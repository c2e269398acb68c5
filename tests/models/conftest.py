"""What the tests of published weights share."""

import pytest

from bigpicture.models.network import Network
from bigpicture.weights.detect import detect
from support.networks import with_backbone


@pytest.fixture
def from_release():
    """A network from a release's tensors alone: converted, recognised, built and filled.

    The rule is that of the backbone. What is named are its settings that leave no trace in tensors.
    """

    def restore(release, rule, tensors, **untraced) -> Network:
        assert release.matches(tensors)
        converted = release.convert(dict(tensors))
        assert f"backbone.{rule.MARK}" in converted.tensors
        settings = with_backbone(detect(converted, "release"), **untraced)
        network = Network(settings)
        network.load_state_dict(converted.tensors)
        return network.eval()

    return restore
