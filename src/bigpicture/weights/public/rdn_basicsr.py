"""RDN, as shared by MMEditing, MMagic and the networks derived from theirs.

    sfe1  sfe2  rdbs.N.layers.M.conv  rdbs.N.lff  gff.0  gff.1  upscale.N  output

often with the prefix `generator.`. These are the authors' tensors (`bigpicture.weights.public.rdn`)
by other names. Pictures are in [0, 1], and no mean is subtracted.
"""

from collections.abc import Mapping

from bigpicture.shapes import Tensor
from bigpicture.weights.public import rdn
from bigpicture.weights.public.release import Converted, Release, bare, count, rename
from bigpicture.weights.read import Tensors

__all__ = ["RELEASE", "our_keys"]


def our_keys(tensors: Mapping[str, Tensor]) -> Tensors:
    """Return an RDN's tensors, or those of its backbone alone, under our keys."""
    return rdn.our_keys(_authors_keys(tensors))


def _authors_keys(tensors: Mapping[str, Tensor]) -> Tensors:
    """Return the tensors under the keys of RDN's authors."""
    last = count(tensors, r"upscale\.(\d+)\.") + 1  # after a shuffle, which has no tensors
    rules = {
        r"sfe([12])\.(.*)": r"SFENet\1.\2",
        r"rdbs\.(\d+)\.layers\.(\d+)\.conv\.(.*)": r"RDBs.\1.convs.\2.conv.0.\3",
        r"rdbs\.(\d+)\.lff\.(.*)": r"RDBs.\1.LFF.\2",
        r"gff\.(.*)": r"GFF.\1",
        r"upscale\.(.*)": r"UPNet.\1",
        r"output\.(.*)": rf"UPNet.{last}.\1",
    }
    return rename(tensors, rules)


def _matches(tensors: Mapping[str, Tensor]) -> bool:
    names = bare(tensors)
    return "rdbs.0.layers.0.conv.weight" in names and "output.weight" in names


def _convert(tensors: Tensors) -> Converted:
    kept = {key: value for key, value in bare(tensors).items() if key != "step_counter"}
    return Converted(our_keys(kept), mean=(0.0,), std=(1.0,))


RELEASE = Release(_matches, _convert)
