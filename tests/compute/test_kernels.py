"""A kernel of its own for each image, against a loop of convolutions."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional as F

from bigpicture.compute.kernels import (
    Geometry,
    conv2d_per_image,
    in_groups,
    input_gradient,
    shared_kernel_gradient,
)
from bigpicture.compute.woven import as_batch, is_woven, weave

GEOMETRIES = [Geometry(1), Geometry(0), Geometry(2, 2), Geometry(1, 3), Geometry(4, 2)]
geometries = pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)


@pytest.fixture(params=["one by one", "in groups"])
def way(request, monkeypatch):
    """As processors run it, or as compilers and GPUs."""
    if request.param == "in groups":
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    return request.param


def inputs(images: int, k: int = 3, size=(11, 9)):
    """Images and a kernel for each, in float64."""
    x = torch.randn(images, 4, *size, dtype=torch.float64)
    return x.requires_grad_(), torch.randn(images, 5, 4, k, k).double().requires_grad_()


def by_the_loop(x, kernels, geometry):
    convolved = [
        F.conv2d(image[None], own, padding=geometry.padding, dilation=geometry.dilation)
        for image, own in zip(x, kernels, strict=True)
    ]
    return torch.cat(convolved)


def woven(x):
    return as_batch(weave(x), len(x))


def contiguous(x):
    return x.contiguous()


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


layouts = pytest.mark.parametrize("lay", [contiguous, channels_last, woven])


@geometries
@pytest.mark.parametrize("images", [1, 2, 3])
@layouts
def test_value_and_gradients_are_those_of_the_loop(geometry, images, lay, way):
    x, kernels = inputs(images)
    made = []
    for convolve in (conv2d_per_image, by_the_loop):
        y = convolve(lay(x), kernels, geometry)
        made.append([y, *torch.autograd.grad(y.sin().sum(), (x, kernels))])
    for found, expected in zip(*made, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_kernels_of_any_side_go(k, way):
    x, kernels = inputs(2, k)
    geometry = Geometry(k // 2)
    expected = by_the_loop(x, kernels, geometry)
    torch.testing.assert_close(conv2d_per_image(x, kernels, geometry), expected)


def test_gradients_are_those_of_differences(way):
    x, kernels = inputs(2, size=(3, 4))
    run = lambda x, kernels: conv2d_per_image(x, kernels, Geometry(1))  # noqa: E731
    assert gradcheck(run, (x, kernels), fast_mode=True)


def test_who_runs_them_in_groups(way):
    x = torch.zeros(2, 3, 4, 5)
    assert in_groups(x) == (way == "in groups")
    assert in_groups(woven(x))
    assert in_groups(x.to("meta"))


def test_of_woven_images_all_is_woven():
    x, kernels = (tensor.detach() for tensor in inputs(3))
    y = conv2d_per_image(woven(x), kernels, Geometry(1))
    assert is_woven(y)
    assert is_woven(input_gradient(y, woven(x), kernels, Geometry(1)))


@geometries
@pytest.mark.parametrize("images", [1, 3])
@layouts
def test_the_gradient_for_images_is_that_of_the_loop(geometry, images, lay, way):
    x, kernels = inputs(images)
    y = by_the_loop(x, kernels, geometry)
    grad = torch.randn_like(y)
    (expected,) = torch.autograd.grad(y, x, grad)
    found = input_gradient(lay(grad), lay(x.detach()), kernels.detach(), geometry)
    torch.testing.assert_close(found, expected)


@geometries
@layouts
def test_the_gradient_for_a_kernel_that_all_share_is_the_sum_over_them(geometry, lay):
    x, kernels = inputs(3)
    kernel = kernels[0].detach().requires_grad_()
    y = by_the_loop(x, kernel.expand(3, -1, -1, -1, -1), geometry)
    grad = torch.randn_like(y)
    (expected,) = torch.autograd.grad(y, kernel, grad)
    found = shared_kernel_gradient(lay(grad), lay(x.detach()), kernel.detach(), geometry)
    torch.testing.assert_close(found, expected)


def test_autocast_decides_the_precision(way):
    x, kernels = (tensor.detach().float() for tensor in inputs(3))
    plain = conv2d_per_image(x, kernels, Geometry(1))
    with torch.autocast("cpu", torch.bfloat16):
        found = conv2d_per_image(x, kernels, Geometry(1))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), plain, atol=0.3, rtol=0.03)
