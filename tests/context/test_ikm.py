import pytest
import torch
from torch.nn import functional as F

from bigpicture.compute.woven import as_batch, weave
from bigpicture.context.ikm import IKMConv2d, kernel_attention


def by_the_formula(x, conv):
    """The operator image by image and channel by channel, straight from the paper's text."""
    k, tau = conv.k, conv.threshold.item()
    outputs = []
    for image in x:
        kernels = conv.weight.detach().clone()
        for i, channel in enumerate(image):
            active = (channel > tau if conv.form == "residual" else channel >= tau).to(x.dtype)
            share = F.adaptive_avg_pool2d(active[None, None], k)[0, 0].flatten()
            if conv.form == "residual":
                attention = 1 + torch.softmax(torch.sigmoid(share), 0) - 1 / k**2
            else:
                attention = k**2 * torch.softmax(share, 0)
            kernels[:, i] *= attention.view(k, k)
        padding, dilation = conv.geometry
        outputs.append(F.conv2d(image[None], kernels, padding=padding, dilation=dilation))
    return torch.cat(outputs)


@pytest.mark.parametrize("form", ["residual", "scaled"])
@pytest.mark.parametrize(("k", "dilation"), [(3, 1), (5, 1), (3, 2), (3, 3), (1, 1)])
@pytest.mark.parametrize("images", [1, 3])
def test_agrees_with_the_formula(form, k, dilation, images):
    conv = IKMConv2d(4, 6, k, dilation, threshold=0.1, form=form).double()
    x = torch.randn(images, 4, 11, 8, dtype=torch.float64).relu()
    torch.testing.assert_close(conv(x), by_the_formula(x, conv))


@pytest.mark.parametrize("gradient", ["iso", "exact", "go"])
def test_images_are_convolved_with_the_kernels_that_it_tells(gradient):
    conv = IKMConv2d(4, 6, threshold=(0.1, 0.4), gradient=gradient).double()
    x = torch.randn(3, 4, 9, 8, dtype=torch.float64)
    kernels = conv.kernels(conv.gather(x))
    assert len(kernels) == (1 if gradient == "go" else 3)
    one_by_one = [
        F.conv2d(image[None], own, padding=1)
        for image, own in zip(x, kernels.expand(3, -1, -1, -1, -1), strict=True)
    ]
    torch.testing.assert_close(conv(x), torch.cat(one_by_one))


@pytest.mark.parametrize("form", ["residual", "scaled"])
def test_attention_averages_one(form):
    attention = kernel_attention(torch.rand(2, 4, 3, 3, dtype=torch.float64), form)
    torch.testing.assert_close(attention.mean((-1, -2)), torch.ones(2, 4, dtype=torch.float64))


def test_zeros_are_not_active_in_the_paper_s_form_and_are_in_the_release_s():
    zeros = torch.zeros(1, 2, 5, 5)
    assert IKMConv2d(2, 2).gather(zeros).mean.sum() == 0
    assert (IKMConv2d(2, 2, form="scaled").gather(zeros).mean == 1).all()


@pytest.mark.parametrize("form", ["residual", "scaled"])
def test_thresholds_of_their_own_are_as_many_layers(form):
    both = IKMConv2d(4, 6, threshold=(0.1, 0.4), form=form)
    x = torch.randn(2, 4, 9, 9)
    for group, threshold in enumerate((0.1, 0.4)):
        one = IKMConv2d(4, 3, threshold=threshold, form=form)
        one.weight.data = both.weight.data[3 * group : 3 * group + 3]
        torch.testing.assert_close(both(x)[:, 3 * group : 3 * group + 3], one(x))


@pytest.mark.parametrize("images", [1, 3])
def test_exact_gradient_is_the_true_one(images):
    conv = IKMConv2d(2, 3, gradient="exact").double()
    x = torch.randn(images, 2, 5, 4, dtype=torch.float64, requires_grad=True)

    def apply(x, weight):
        return torch.func.functional_call(conv, {"weight": weight}, (x,))

    # far from the threshold, where the attention is constant
    x.data += 0.2 * x.data.sign()
    assert torch.autograd.gradcheck(apply, (x, conv.weight))


def gradients(conv, x):
    conv.zero_grad()
    x = x.clone().requires_grad_()
    conv(x).sin().sum().backward()
    return x.grad, conv.weight.grad


def test_iso_learns_the_mean_of_the_images_own_kernel_gradients():
    conv = IKMConv2d(4, 6, gradient="iso").double()
    x = torch.randn(3, 4, 9, 9, dtype=torch.float64)
    for_x, for_weight = gradients(conv, x)
    attention = conv.attention(conv.gather(x))
    own = []
    for image, kernel in zip(x, conv.weight.detach() * attention, strict=True):
        kernel.requires_grad_()
        F.conv2d(image[None], kernel, padding=1).sin().sum().backward()
        own.append(kernel.grad)
    torch.testing.assert_close(for_weight, torch.stack(own).mean(0))
    conv.gradient = "exact"
    torch.testing.assert_close(for_x, gradients(conv, x)[0])


def test_in_a_batch_of_one_the_three_agree_up_to_the_attention():
    conv = IKMConv2d(4, 6).double()
    x = torch.randn(1, 4, 9, 9, dtype=torch.float64)
    attention = conv.attention(conv.gather(x))[0]
    found = {}
    for gradient in ("iso", "exact", "go"):
        conv.gradient = gradient
        found[gradient] = gradients(conv, x)
    for gradient in ("exact", "go"):
        torch.testing.assert_close(found[gradient][0], found["iso"][0])
        torch.testing.assert_close(found[gradient][1], found["iso"][1] * attention)


def test_go_gives_the_batch_one_kernel():
    conv = IKMConv2d(4, 6, gradient="go")
    x = torch.randn(3, 4, 9, 9)
    mean = conv.attention(conv.gather(x)).mean(0)
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight * mean[0], padding=1))


@pytest.mark.parametrize("gradient", ["iso", "exact"])
def test_a_batch_is_its_images_one_by_one(gradient):
    conv = IKMConv2d(4, 6, gradient=gradient)
    x = torch.randn(4, 4, 9, 9).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(conv(x), torch.cat([conv(image[None]) for image in x]))


@pytest.mark.parametrize("form", ["residual", "scaled"])
@pytest.mark.parametrize("gradient", ["iso", "exact", "go"])
@pytest.mark.parametrize("threshold", [0.1, (0.1, 0.4)])
def test_woven_images_meet_the_same(form, gradient, threshold):
    conv = IKMConv2d(4, 6, threshold=threshold, form=form, gradient=gradient).double()
    x = torch.randn(3, 4, 9, 7, dtype=torch.float64)
    woven = as_batch(weave(x), 3)
    torch.testing.assert_close(conv.gather(woven).mean, conv.gather(x).mean)
    torch.testing.assert_close(conv(woven), conv(x))
    for found, expected in zip(gradients(conv, woven), gradients(conv, x), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("gradient", ["iso", "exact"])
@pytest.mark.parametrize("way", ["one by one", "woven", "in groups"])
def test_to_its_result_may_be_added_in_place(gradient, way, monkeypatch):
    conv = IKMConv2d(4, 6, gradient=gradient)
    x = torch.randn(3, 4, 9, 7)
    expected = gradients(conv, x)
    if way == "woven":
        x = as_batch(weave(x), 3)
    if way == "in groups":
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    conv.zero_grad()
    x.requires_grad_()
    conv(x).add_(1).sub_(1).sin().sum().backward()
    for found, wanted in zip((x.grad, conv.weight.grad), expected, strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_nothing_is_written_to_the_layer():
    conv = IKMConv2d(4, 6)
    before = {key: value.clone() for key, value in conv.state_dict().items()}
    attributes = set(conv.__dict__)
    conv(torch.randn(3, 4, 9, 9)).sum().backward()
    assert set(conv.__dict__) == attributes
    assert all(torch.equal(value, before[key]) for key, value in conv.state_dict().items())


def test_forward_and_backward_work_in_threads(at_once):
    conv = IKMConv2d(4, 6)
    inputs = [torch.randn(2, 4, 9, 9) for _ in range(8)]
    expected = [conv(x) for x in inputs]

    def work(i):
        y = conv(inputs[i].clone().requires_grad_())
        y.sum().backward()
        return y

    for one, other in zip(expected, at_once(work, len(inputs)), strict=True):
        torch.testing.assert_close(one, other)


def test_bf16_autocast_works_forward_and_backward():
    conv = IKMConv2d(4, 6)
    x = torch.randn(3, 4, 9, 9)
    with torch.autocast("cpu", torch.bfloat16):
        y = conv(x)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert conv.weight.grad.dtype == torch.float32
    torch.testing.assert_close(y.float(), conv(x), atol=0.1, rtol=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"k": 4}, "k must be odd"), ({"threshold": (0.0, 0.1, 0.2, 0.3)}, "do not divide c_out = 6")],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        IKMConv2d(4, 6, **arguments)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(50, 41), (3, 700), (1, 1), (700, 2)])
def test_pictures_pooled_in_strips_are_pooled_to_the_same(size, dtype, layout, monkeypatch):
    x = torch.randn(2, 3, *size).relu().to(dtype, memory_format=layout)
    whole = F.adaptive_avg_pool2d((x > 0).float(), 3)
    monkeypatch.setattr("bigpicture.context.ikm._STRIP", 0.06)  # a row each, and always
    near = {"atol": 1e-6, "rtol": 1e-6} if dtype == torch.float32 else {"atol": 0.01, "rtol": 0.01}
    torch.testing.assert_close(IKMConv2d(3, 4).gather(x).mean.float(), whole, **near)
