import torch

from bigpicture.infer.ensemble import self_ensemble


def test_it_is_the_mean_over_the_symmetries(tiny):
    network, low = tiny.Attentive(), tiny.gradient_picture(6, 9)
    total = torch.zeros(1, 3, 12, 18)
    with torch.no_grad():
        for turns in range(4):
            for flip in (False, True):
                seen = torch.rot90(low.flip(-1) if flip else low, turns, (-2, -1))
                back = torch.rot90(network(seen), -turns, (-2, -1))
                total += back.flip(-1) if flip else back
        assert torch.allclose(self_ensemble(network, low), total / 8, atol=1e-6)


def test_what_is_symmetric_is_not_changed(tiny):
    low = torch.rand(2, 3, 4, 7)
    nearest = tiny.Nearest()
    assert torch.allclose(self_ensemble(nearest, low), nearest(low))


def test_sums_are_float32():
    low = torch.rand(1, 1, 4, 4)
    assert self_ensemble(lambda x: x.bfloat16(), low).dtype == torch.float32
