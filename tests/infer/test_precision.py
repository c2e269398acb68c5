import copy

import pytest
import torch

from bigpicture.infer import Model
from bigpicture.infer import precision as precisions
from bigpicture.infer.device import choose_device
from bigpicture.infer.precision import computing_in, repeatably

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


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


@pytest.mark.parametrize(
    ("known", "units"),
    [
        ({"avx512_f": True, "avx512_bf16": False}, False),
        ({"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"neon": True, "fp16_arith": True, "bf16": False}, False),
        ({"neon": True, "bf16": True}, True),
        ({}, False),
    ],
)
def test_cpus_that_multiply_in_bf16(known, units, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert precisions._cpu_has_units() == units
    monkeypatch.setattr("torch.backends.mkldnn.is_available", lambda: False)
    assert not precisions._cpu_has_units()


@pytest.mark.parametrize(
    ("asked", "units"),
    [("_is_avx512_bf16_supported", True), ("_is_amx_tile_supported", True), (None, False)],
)
def test_cpus_are_asked_in_an_older_pytorch_too(asked, units, monkeypatch):
    for name in ("get_capabilities", "_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    if asked is not None:
        monkeypatch.setattr(torch.cpu, asked, lambda: True, raising=False)
    assert precisions._cpu_has_units() == units


def test_results_are_float32_and_close(tiny):
    model, low = tiny.attentive(), tiny.gradient_picture(8, 8)
    plain, rough = (model.upscale(low, precision=p) for p in ("fp32", "bf16"))
    assert rough.dtype == torch.float32
    assert not torch.equal(plain, rough) and torch.allclose(plain, rough, atol=0.05)


@pytest.mark.parametrize(
    ("there", "kind"), [({"cuda", "mps"}, "cuda"), ({"mps"}, "mps"), (set(), "cpu")]
)
def test_auto_takes_a_gpu_if_there_is_one(there, kind, monkeypatch):
    for name, backend in [("cuda", torch.cuda), ("mps", torch.backends.mps)]:
        monkeypatch.setattr(backend, "is_available", lambda name=name: name in there)
    assert choose_device("auto") == torch.device(kind)
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "mps:7", "hpu"])
def test_devices_that_are_not_there(name):
    with pytest.raises(ValueError, match=f"no device '{name}' here .*; use auto or cpu"):
        choose_device(name)


def cudnn() -> tuple[bool, bool, bool]:
    backends = torch.backends
    found = backends.cudnn.allow_tf32, backends.cudnn.deterministic
    return *found, backends.cuda.matmul.allow_tf32


def test_cuda_computes_in_all_bits_as_long_as_any_thread_is_in_it():
    before, exact = cudnn(), (False, True, False)
    assert before != exact
    with repeatably(CPU):
        assert cudnn() == before
    first, second = repeatably(CUDA), repeatably(CUDA)
    first.__enter__()
    assert cudnn() == exact
    second.__enter__()
    first.__exit__(None, None, None)
    assert cudnn() == exact
    second.__exit__(None, None, None)
    assert cudnn() == before
    with pytest.raises(ValueError, match="no picture"), repeatably(CUDA):
        raise ValueError("no picture")
    assert cudnn() == before


@pytest.mark.parametrize("context", ["shared", "exact", "tile"])
@pytest.mark.parametrize("more", [{}, {"ensemble": True, "match_low": True, "scale": 2.7}])
def test_fp32_is_repeatable_bit_for_bit(tiny, device, context, more):
    network = tiny.modulated()
    model, low = Model(network, network.limits).to(device), tiny.gradient_picture(20, 26)
    options = {"precision": "fp32", "tile": 16, "context": context, **more}
    first = model.upscale(low, **options)
    model.upscale(torch.rand(1, 3, 33, 21), **options)  # something else, which leaves nothing
    model.upscale(low, precision="bf16")
    assert torch.equal(model.upscale(low, **options), first)
    again = Model(copy.deepcopy(network), network.limits).to(device)
    assert torch.equal(again.upscale(low, **options), first)


@pytest.mark.parametrize("precision", ["fp32", "auto"])
@pytest.mark.parametrize("context", ["shared", "exact"])
def test_float32_is_float32_inside_of_autocast_too(tiny, precision, context):
    model, low = tiny.attentive(), tiny.gradient_picture(24, 24)
    options = {"precision": precision, "tile": 12, "context": context}
    with torch.autocast("cpu", torch.bfloat16):
        inside = model.upscale(low, **options)
    assert torch.equal(inside, model.upscale(low, **options))
