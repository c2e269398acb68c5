import copy
import math
from functools import reduce

import pytest
import torch
from torch.nn import functional as F

from bigpicture.context.contract import Part, Span
from bigpicture.context.crac import CRACConv2d

ABLATIONS = [
    (),
    ("cdrr",),
    ("f_a1",),
    ("f_a2",),
    ("channel-interaction",),
    ("cdrr", "f_a1", "channel-interaction"),
    ("f_a2", "channel-interaction"),
]


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def batch_norm(norm, values):
    """Normalise values[b][c][e] of each channel, by the batch's statistics or the stored ones."""
    result = [[list(row) for row in image] for image in values]
    for c in range(norm.num_features):
        seen = [value for image in values for value in image[c]]
        mean, variance = norm.running_mean[c].item(), norm.running_var[c].item()
        if norm.training:
            mean = sum(seen) / len(seen)
            variance = sum((value - mean) ** 2 for value in seen) / len(seen)
        gain, shift = norm.weight[c].item(), norm.bias[c].item()
        for image in result:
            image[c] = [
                (value - mean) / math.sqrt(variance + norm.eps) * gain + shift for value in image[c]
            ]
    return result


def relu(values):
    return [[[max(value, 0.0) for value in row] for row in image] for image in values]


def pooled(image, k):
    """Average the pixels of each cell of a k×k grid, pixel by pixel."""
    c, h, w = image.shape
    result = []
    for channel in range(c):
        row = []
        for i in range(k):
            for j in range(k):
                ys = range(i * h // k, math.ceil((i + 1) * h / k))
                xs = range(j * w // k, math.ceil((j + 1) * w / k))
                cell = [image[channel, y, x].item() for y in ys for x in xs]
                row.append(sum(cell) / len(cell))
        result.append(row)
    return result


def product(weight, values):
    """Multiply a matrix given as a tensor (d, c) with values[c][e], one number after the other."""
    d, c = weight.shape
    return [
        [sum(weight[o, i].item() * values[i][e] for i in range(c)) for e in range(len(values[0]))]
        for o in range(d)
    ]


def plus(values, bias):
    return [[value + bias[i].item() for value in row] for i, row in enumerate(values)]


def transposed(values):
    return [list(column) for column in zip(*values, strict=True)]


def reasoned(reason, contexts, e):
    """CDRR of contexts[b][c][e], by equations (1) and (2)."""
    c = reason.norm.num_features
    weights, biases = reason.embed.weight.split(c), reason.embed.bias.split(c)
    scores = []
    for context in contexts:
        theta, phi, g = (
            plus(product(weight, context), bias)
            for weight, bias in zip(weights, biases, strict=True)
        )
        relations = [
            [sum(theta[n][i] * phi[n][j] for n in range(c)) / e for j in range(e)] for i in range(e)
        ]
        mixed = [
            [sum(relations[i][j] * g[n][j] for j in range(e)) for n in range(c)] for i in range(e)
        ]
        scores.append(plus(product(reason.restore.weight, transposed(mixed)), reason.restore.bias))
    scores = batch_norm(reason.norm, scores)
    return [
        [
            [sigmoid(s) * f + f for s, f in zip(own, old, strict=True)]
            for own, old in zip(score, context, strict=True)
        ]
        for score, context in zip(scores, contexts, strict=True)
    ]


def interacted(interact, contexts):
    """The grouped linear layer, input channel by input channel."""
    groups, c_in, c_out = interact.weight.shape
    result = []
    for image in relu(batch_norm(interact.norm, contexts)):
        rows = []
        for o in range(groups * c_out):
            group = o // c_out
            rows.append(
                [
                    sum(
                        interact.weight[group, i, o % c_out].item() * image[group * c_in + i][e]
                        for i in range(c_in)
                    )
                    for e in range(len(image[0]))
                ]
            )
        result.append(rows)
    return result


def by_the_formulas(x, conv):
    """The operator number by number, as the paper writes it: channels × descriptors."""
    c_out, c_in, k, _ = conv.weight.shape
    e = conv.encode.out_features
    contexts = [
        transposed(product(conv.encode.weight, transposed(pooled(image, k)))) for image in x
    ]
    if conv.reason is not None:
        contexts = reasoned(conv.reason, contexts, e)

    def spatial(module, values):
        active = relu(batch_norm(module.norm, values))
        return [transposed(product(module.decode.weight, transposed(image))) for image in active]

    a1 = a2 = [[[0.0] * k**2] * max(c_in, c_out)] * len(x)
    if conv.by_output is not None:
        mixed = contexts if conv.interact is None else interacted(conv.interact, contexts)
        a1 = spatial(conv.by_output, mixed)
    if conv.by_input is not None:
        a2 = spatial(conv.by_input, contexts)
    outputs, masks = [], []
    for n, image in enumerate(x):
        mask = torch.empty_like(conv.weight)
        for o in range(c_out):
            for i in range(c_in):
                for p in range(k**2):
                    mask[o, i, p // k, p % k] = sigmoid(a1[n][o][p] + a2[n][i][p])
        masks.append(mask)
        kernels = conv.weight * mask
        padding, dilation = conv.geometry
        y = F.conv2d(image[None], kernels, conv.bias, padding=padding, dilation=dilation)
        outputs.append(y)
    return torch.cat(outputs), torch.stack(masks)


def trained(conv, seed=0):
    """Give every parameter and statistic a value that is not its start."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
        for module in conv.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.copy_(torch.randn(module.num_features, generator=generator))
                module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
    return conv


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("without", ABLATIONS, ids=str)
@torch.no_grad()
def test_agrees_with_the_formulas(without, training):
    conv = trained(CRACConv2d(4, 4, groups=2, without=without, bias=True)).double().train(training)
    x = torch.randn(2, 4, 7, 5, dtype=torch.float64)
    expected, mask = by_the_formulas(x, conv)
    torch.testing.assert_close(conv.attention(conv.gather(x)), mask)
    torch.testing.assert_close(conv(x), expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {"c_in": 6, "c_out": 4},
        {"c_in": 2, "c_out": 6, "latent": 3},
        {"c_in": 4, "c_out": 4, "k": 5, "dilation": 2},
        {"c_in": 4, "c_out": 4, "k": 1},
    ],
    ids=str,
)
@torch.no_grad()
def test_agrees_with_the_formulas_at_any_shape(arguments):
    conv = trained(CRACConv2d(groups=2, **arguments)).double().eval()
    x = torch.randn(2, arguments["c_in"], 8, 6, dtype=torch.float64)
    expected, _ = by_the_formulas(x, conv)
    torch.testing.assert_close(conv(x), expected)
    assert conv(x).shape[-2:] == x.shape[-2:]


def test_the_paper_s_size():
    conv = CRACConv2d(64, 64)
    assert conv.encode.weight.shape == (5, 9)  # ⌊k²/2⌋ + 1 descriptors
    assert conv.interact.weight.shape == (16, 4, 4)
    own = sum(p.numel() for p in conv.parameters()) - conv.weight.numel()
    norms = 4 * 2 * 64
    assert own == 45 + 3 * (64 * 64 + 64) + (64 * 64 + 64) + 16 * 4 * 4 + 2 * 45 + norms
    assert CRACConv2d(64, 64, k=5).encode.weight.shape == (13, 25)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_gradients_are_the_true_ones(training):
    conv = trained(CRACConv2d(2, 2, groups=2, latent=3, bias=True)).double().train(training)
    names, values = zip(*conv.named_parameters(), strict=True)
    x = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    def apply(x, *values):
        own = copy.deepcopy(conv)  # whose stored statistics move with each call
        return torch.func.functional_call(own, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(apply, (x, *values))


@pytest.mark.parametrize("without", ABLATIONS, ids=str)
def test_every_parameter_learns(without):
    conv = CRACConv2d(8, 8, groups=2, without=without, bias=True)
    conv(torch.randn(3, 8, 9, 7)).sin().sum().backward()
    for name, parameter in conv.named_parameters():
        assert parameter.grad is not None, name
        # what is added before a normalisation is subtracted by it
        assert parameter.grad.abs().sum() > 0 or name == "reason.restore.bias"


def test_the_mask_lies_between_0_and_1_and_is_the_picture_s_own():
    conv = CRACConv2d(8, 4, groups=4).eval()
    mask = conv.attention(conv.gather(torch.randn(3, 8, 9, 9)))
    assert mask.shape == (3, 4, 8, 3, 3)
    assert ((mask > 0) & (mask < 1)).all()
    assert not torch.allclose(mask[0], mask[1])


def test_a_batch_is_its_images_one_by_one_in_evaluation():
    conv = trained(CRACConv2d(8, 4, groups=4, bias=True)).eval()
    x = torch.randn(4, 8, 9, 9).contiguous(memory_format=torch.channels_last)
    one_by_one = torch.cat([conv(image[None]) for image in x])
    torch.testing.assert_close(conv(x), one_by_one, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 50), (7, 3), (17, 16)])
def test_any_size_goes(size):
    conv = CRACConv2d(4, 4, groups=2)
    for training in (True, False):
        assert conv.train(training)(torch.randn(1, 4, *size)).shape == (1, 4, *size)


def test_tiles_with_the_whole_context_are_the_whole():
    conv = trained(CRACConv2d(4, 4, groups=2)).eval()
    x = torch.randn(1, 4, 24, 20)
    tiles = [(0, 10, 0, 11), (10, 24, 9, 24)]  # rows that count, and those of the tile
    spans = [
        Span(start, stop, 24, below - above, start - above) for start, stop, above, below in tiles
    ]
    columns = Span(0, 20, 20, 20, 0)
    parts = [
        (x[:, :, above:below], Part(rows, columns))
        for rows, (_, _, above, below) in zip(spans, tiles, strict=True)
    ]
    context = reduce(lambda a, b: a.merge(b), [conv.gather(*part) for part in parts])
    whole = conv(x)
    torch.testing.assert_close(conv.apply(parts[0][0], context)[:, :, :10], whole[:, :, :10])
    torch.testing.assert_close(conv.apply(parts[1][0], context)[:, :, 1:], whole[:, :, 10:])


def test_bf16_autocast_keeps_the_mask_in_float32():
    conv = CRACConv2d(4, 4, groups=2)
    x = torch.randn(3, 4, 9, 9)
    with torch.autocast("cpu", torch.bfloat16):
        y = conv(x)
        mask = conv.eval().attention(conv.gather(x))
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(mask, conv.attention(conv.gather(x)), rtol=0, atol=0)
    y.float().sum().backward()
    assert conv.weight.grad.dtype == torch.float32


def test_one_descriptor_of_one_image_teaches_norms_nothing():
    conv, pair = CRACConv2d(4, 4, k=1, groups=2), torch.randn(2, 4, 5, 5)
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        conv(pair[:1])
    assert conv(pair).shape == conv.eval()(pair[:1]).expand(2, -1, -1, -1).shape


def test_copies_pickles_and_threads(assert_same_everywhere):
    assert_same_everywhere(trained(CRACConv2d(4, 4, groups=2)).eval(), torch.randn(2, 4, 9, 9))


def test_exports_with_sizes_it_was_not_exported_at_and_compiles_into_one_graph(assert_traces):
    conv = CRACConv2d(4, 6, groups=2, bias=True).eval()
    x, batch = torch.rand(1, 4, 12, 14), torch.rand(2, 4, 9, 11)
    assert_traces(conv, x, [(21, 17)], batch, autocast=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 4}, "k must be odd"),
        ({"groups": 4}, "groups must divide the channels, 4 in and 6 out, not 4"),
        ({"groups": 0}, "groups must divide"),
        ({"latent": 0}, "latent must be at least 1 descriptor, not 0"),
        ({"without": ("f_a1", "f_a2")}, "leave out one of them"),
        ({"without": ("channel-interaction",)}, "c_out must be c_in = 4, not 6"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        CRACConv2d(4, 6, **arguments)
