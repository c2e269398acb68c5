import pytest
import torch

from bigpicture.train.losses.frequency import Frequency
from bigpicture.train.losses.pixel import L1
from bigpicture.train.losses.total import Term, Total


def test_a_weighted_sum_and_its_parts():
    x, y = torch.rand(2, 2, 3, 8, 8).unbind()
    x.requires_grad_()
    total, parts = Total({"l1": Term(1.0, L1()), "frequency": Term(0.5, Frequency())})(x, y)
    torch.testing.assert_close(parts["l1"], L1()(x, y).detach())
    torch.testing.assert_close(total.detach(), parts["l1"] + 0.5 * parts["frequency"])
    assert total.requires_grad
    assert not any(part.requires_grad for part in parts.values())


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="terms is empty"):
        Total({})
    with pytest.raises(ValueError, match=r"the weight of l1 is -1"):
        Total({"l1": Term(-1.0, L1())})
