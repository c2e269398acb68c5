"""Operators that see the whole picture, each in two halves: gather, then apply.

Each is a layer for any network: (b, c, h, w) → (b, d, h, w). Code that runs a network in tiles
replaces `gather`, so that all tiles share one context; see `bigpicture.context.contract`.
"""

from bigpicture.context.channel_attention import ChannelAttention
from bigpicture.context.contract import Context, ContextOperator
from bigpicture.context.crac import CRACConv2d
from bigpicture.context.graph import GraphReasoning
from bigpicture.context.ikm import IKMConv2d
from bigpicture.context.non_local import CrossScaleAttention
from bigpicture.context.rg_sa import RecursiveGeneralizationAttention

__all__ = [
    "CRACConv2d",
    "ChannelAttention",
    "Context",
    "ContextOperator",
    "CrossScaleAttention",
    "GraphReasoning",
    "IKMConv2d",
    "RecursiveGeneralizationAttention",
]
