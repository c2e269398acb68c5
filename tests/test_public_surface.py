"""What other people's scripts rely on: changing it needs a line in CHANGELOG.md."""

import inspect
import sys

import pytest

import bigpicture

PUBLIC = [
    "Cancelled",
    "Model",
    "Report",
    "__version__",
    "image",
    "list_models",
    "load",
    "models",
    "upscale",
]


def test_the_public_names():
    assert sorted(bigpicture.__all__) == PUBLIC
    assert dir(bigpicture) == PUBLIC
    for name in PUBLIC:
        assert getattr(bigpicture, name) is not None


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="upskale"):
        bigpicture.upskale  # noqa: B018


def test_importing_is_quick_because_nothing_heavy_comes_along(alone):
    heavy = {"torch", "numpy", "pyvips", "pydantic", "rich", "typer", "importlib.metadata"}
    code = f"import sys, bigpicture; print({heavy!r} & set(sys.modules) or 'none')"
    assert alone("-I", "-S", "-X", "utf8", "-c", _with_paths(code)).strip() == "none"


def test_what_is_no_model_is_refused():
    load = inspect.unwrap(bigpicture.load)  # without the types that tests check
    with pytest.raises(ValueError, match=r"not 4; did you mean scale=4\?"):
        load(4)
    with pytest.raises(ValueError, match="a shipped name or a weight file, not b'uhdn-x2'$"):
        load(b"uhdn-x2")


def test_networks_can_be_built():
    network = bigpicture.models.build("uhdn", scale=4)
    assert network.limits.scale == 4


def _with_paths(code: str) -> str:
    # Without site-packages' start-up files, some of which import what is looked for.
    return f"import sys; sys.path[:] = {sys.path!r}; {code}"
