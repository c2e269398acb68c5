"""SRGRN, the super-resolution global reasoning network: RDN's features, GRUM and GRRB.

    (b, 3, h, w) ──residual dense blocks──▶ (b, c, h, w) ──GRUM each step──▶ (b, c, r·h, r·w)
        ──GRRB──▶ (b, 3, r·h, r·w)

With γ = 0 in both modules, as at initialisation, this is RDN.

Source: "Global Reasoning Network for Image Super-Resolution", submitted to ICLR 2020 (anonymous).
    https://openreview.net/group?id=ICLR.cc/2020/Conference
"""

from dataclasses import replace

from bigpicture.models.heads.graph import GraphSettings
from bigpicture.models.network import NetworkSettings
from bigpicture.models.rdn import rdn, rdn_light

__all__ = ["TABLE_1", "srgrn", "srgrn_case", "srgrn_light"]

TABLE_1: dict[int, GraphSettings] = {
    1: GraphSettings(scale=4, grum=False, grrb=False),
    2: GraphSettings(scale=4, grrb=False),
    3: GraphSettings(scale=4, grum=False),
    4: GraphSettings(scale=4),
    5: GraphSettings(scale=4, nodes=8),
    6: GraphSettings(scale=4, nodes=6),
    7: GraphSettings(scale=4, nodes=8, reduction=16),
    8: GraphSettings(scale=4, nodes=6, reduction=16),
}
"""The heads of the paper's Table 1 by case. Case 1, which has neither module, is RDN."""


def srgrn(scale: int) -> NetworkSettings:
    """Return SRGRN, 22.2 M parameters at ×2."""
    return replace(rdn(scale), head=GraphSettings(scale=scale))


def srgrn_light(scale: int) -> NetworkSettings:
    """Return an SRGRN that a CPU can train, 1.0 M parameters at ×4.

    It has the features of `rdn_light`, so that the two compare as the published pair does; both
    modules are as published. At ×4 it takes as much work as U-HDN.
    """
    return replace(rdn_light(scale), head=GraphSettings(scale=scale))


def srgrn_case(case: int) -> NetworkSettings:
    """Return the network of a case of Table 1, at ×4 as in the paper.

    Raises:
        ValueError: If Table 1 has no such case.
    """
    if case not in TABLE_1:
        raise ValueError(f"case must be one of Table 1, 1…{len(TABLE_1)}, not {case}")
    return replace(rdn(4), head=TABLE_1[case])
