"""What the tests of published weights share."""

import pytest

from bigpicture.models.network import Network, NetworkSettings
from bigpicture.weights.rules import subpixel


@pytest.fixture
def from_release():
    """A network from a release's tensors alone: converted, recognised, built and filled."""

    def restore(release, rule, tensors) -> Network:
        assert release.matches(tensors)
        converted = release.convert(dict(tensors))
        backbone, head = (
            {
                key.removeprefix(stem): value
                for key, value in converted.tensors.items()
                if key.startswith(stem)
            }
            for stem in ("backbone.", "head.")
        )
        assert rule.MARK in backbone
        settings = NetworkSettings(
            rule.settings(backbone),
            subpixel.settings(head),
            colours=backbone["first.weight"].shape[1],
            mean=converted.mean,
            std=converted.std,
        )
        network = Network(settings)
        network.load_state_dict(converted.tensors)
        return network.eval()

    return restore
