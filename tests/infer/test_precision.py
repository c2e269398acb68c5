import pytest
import torch

from bigpicture.infer.device import choose_device
from bigpicture.infer.precision import computing_in

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("auto", torch.float32),
        ("fp32", torch.float32),
        ("bf16", torch.bfloat16),
        ("fp16", torch.float16),
    ],
)
def test_what_a_product_is_computed_in(precision, dtype):
    with computing_in(precision, CPU, 8):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


@pytest.mark.parametrize(
    ("units", "bits", "sound", "dtype"),
    [
        (True, 8, ("fp32", "bf16"), torch.bfloat16),
        (False, 8, ("fp32", "bf16"), torch.float32),
        (True, 16, ("fp32", "bf16"), torch.float32),
        (True, 8, ("fp32",), torch.float32),
    ],
)
def test_auto_takes_bf16_where_it_pays_and_is_sound(units, bits, sound, dtype, monkeypatch):
    monkeypatch.setattr("bigpicture.infer.precision._has_units", lambda device: units)
    with computing_in("auto", CPU, bits, sound):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_results_are_float32_and_close(tiny):
    model, low = tiny.attentive(), tiny.gradient_picture(8, 8)
    plain, rough = (model.upscale(low, precision=p) for p in ("fp32", "bf16"))
    assert rough.dtype == torch.float32
    assert not torch.equal(plain, rough) and torch.allclose(plain, rough, atol=0.05)


def test_devices():
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "mps:7", "hpu"])
def test_devices_that_are_not_there(name):
    with pytest.raises(ValueError, match=f"no device '{name}' here .*; use auto or cpu"):
        choose_device(name)
