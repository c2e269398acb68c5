import math

import pytest
import torch

from bigpicture.context.contract import Part, Span
from bigpicture.context.graph import GraphReasoning


def leaky(value):
    return value if value > 0 else 0.2 * value


def linear(layer, values):
    """A layer with a kernel of one position, on a list of numbers."""
    weight, bias = layer.weight.flatten(1).tolist(), layer.bias.tolist()
    return [
        sum(w * v for w, v in zip(row, values, strict=True)) + b
        for row, b in zip(weight, bias, strict=True)
    ]


def two_linear(layers, values):
    return linear(layers[2], [leaky(value) for value in linear(layers[0], values)])


def by_the_formulas(x, graph):
    """Eqs. (4)-(9) and (12), (13) for each picture, pixel, node and channel on its own."""
    pictures, channels, height, width = x.shape
    result = []
    for picture in x:
        pixels = picture.flatten(1).T.tolist()
        weights = [linear(graph.relate, pixel) for pixel in pixels]
        nodes = [
            [
                sum(w[n] * pixel[c] for w, pixel in zip(weights, pixels, strict=True))
                / (height * width if graph.normalize else 1)
                for c in range(channels)
            ]
            for n in range(graph.nodes)
        ]
        per_channel = [
            two_linear(graph.reason, [node[c] for node in nodes]) for c in range(channels)
        ]
        nodes = [[values[n] for values in per_channel] for n in range(graph.nodes)]
        if not isinstance(graph.widen, torch.nn.Identity):
            nodes = [two_linear(graph.widen, node) for node in nodes]
        for pixel in pixels:
            powers = [math.exp(score) for score in linear(graph.assign, pixel)]
            shares = [power / sum(powers) for power in powers]
            result.append(
                [
                    sum(share * node[d] for share, node in zip(shares, nodes, strict=True))
                    for d in range(len(nodes[0]))
                ]
            )
    flat = torch.tensor(result, dtype=torch.float64)
    return flat.view(pictures, height, width, -1).permute(0, 3, 1, 2)


FORMS = {
    "GRUM": {"c_out": 16, "nodes": 5, "reduction": 2},
    "GRRB": {"nodes": 3},
    "sums": {"c_out": 6, "nodes": 2, "reduction": 4, "normalize": False},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (4, 8)])
def test_agrees_with_the_formulas(form, size):
    graph = GraphReasoning(4, **FORMS[form]).double()
    x = torch.randn(2, 4, *size, dtype=torch.float64)
    torch.testing.assert_close(graph(x), by_the_formulas(x, graph))


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_finite_differences(form):
    graph = GraphReasoning(4, **FORMS[form]).double()
    x = torch.randn(2, 4, 3, 2, dtype=torch.float64, requires_grad=True)
    parameters = dict(graph.named_parameters())

    def run(x, *values):
        named = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(graph, named, (x,))

    assert torch.autograd.gradcheck(run, (x, *parameters.values()))


def test_the_more_picture_the_larger_the_sums_but_not_the_means():
    x = torch.randn(1, 4, 6, 5)
    twice = torch.cat([x, x], 3)
    means, sums = GraphReasoning(4, nodes=3), GraphReasoning(4, nodes=3, normalize=False)
    torch.testing.assert_close(means.gather(twice).mean, means.gather(x).mean)
    torch.testing.assert_close(means(twice), means(x).repeat(1, 1, 1, 2))
    torch.testing.assert_close(sums.gather(twice).total, 2 * sums.gather(x).total)
    assert (sums(twice) - sums(x).repeat(1, 1, 1, 2)).abs().max() > 1e-3


def test_sums_of_tiles_are_those_of_the_whole():
    graph = GraphReasoning(4, nodes=3, normalize=False)
    x = torch.randn(1, 4, 6, 10)
    left, right = (
        Part(Span(0, 6, 6, 6, 0), Span(0, 4, 10, 7, 0)),
        Part(Span(0, 6, 6, 6, 0), Span(4, 10, 10, 8, 2)),
    )
    merged = graph.gather(x[..., :7], left).merge(graph.gather(x[..., 2:], right))
    torch.testing.assert_close(graph.apply(x, merged), graph(x))


def test_pixels_listen_to_the_node_that_is_assigned_to_them():
    graph = GraphReasoning(2, nodes=2)
    graph.assign.weight.data = 50 * torch.eye(2)[..., None, None]
    graph.assign.bias.data.zero_()
    x = torch.zeros(1, 2, 3, 4)
    x[:, 0, :, :2] = x[:, 1, :, 2:] = 1
    torch.testing.assert_close(graph.attention(x), x)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rounds_no_sum_and_lets_none_overflow(dtype):
    graph = GraphReasoning(4, nodes=3)
    x = 30 * torch.rand(1, 4, 300, 300)
    with torch.autocast("cpu", dtype):
        context, y = graph.gather(x), graph(x)
    assert context.total.dtype == torch.float32
    assert context.total.abs().max() > 65504  # fp16 has no such numbers
    torch.testing.assert_close(context.mean, graph.gather(x).mean, rtol=0.01, atol=0.5)
    assert y.dtype == dtype
    assert y.isfinite().all()


@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_in_fp16_nodes_beyond_it_are_reasoned_over(form):
    graph = GraphReasoning(4, **FORMS[form])
    graph.reason[2].weight.mul_(1e-3)  # what comes of them is within
    x = 30 * torch.rand(1, 4, 100, 100)
    expected = graph(x)
    with torch.autocast("cpu", torch.float16):
        y = graph(x)
    assert y.dtype == torch.float16
    torch.testing.assert_close(
        y.float(), expected, rtol=0.02, atol=0.02 * expected.abs().max().item()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nodes": 0}, "nodes must be at least 1, not 0"),
        ({"c_out": 4, "reduction": 8}, r"reduction must be in 1…4 \(the channels\), not 8"),
        ({"c_out": 4, "reduction": 0}, "not 0"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        GraphReasoning(4, **arguments)
