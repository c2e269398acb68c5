"""How often something is so among many draws, held to a probability."""

import pytest


def share(flags) -> float:
    flags = list(flags)
    return sum(flags) / len(flags)


def near(probability: float):
    return pytest.approx(probability, abs=0.04)
