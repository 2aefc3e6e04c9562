"""Training steps: modules and torch.optim. Each preparation gives a function that does one step and returns the loss."""
import torch
from torch import nn

from draw import draw, labels


def trained(model, loss, x, y, learning_rate):
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)

    def once():
        optimizer.zero_grad(set_to_none=True)
        objective = loss(model(x), y)
        objective.backward()
        optimizer.step()
        return objective.item()

    return once


def assign(parameter, value):
    with torch.no_grad():
        parameter.copy_(value)


def affine(weight, bias):
    """The linear module of a weight of shape [in, out]."""
    module = nn.Linear(*weight.shape)
    assign(module.weight, weight.T)
    assign(module.bias, bias)
    return module


def step(case):
    sizes, batch = case["sizes"], case["batch"]
    modules = []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        weight = draw({"shape": [inputs, outputs], "scale": (3 / inputs) ** 0.5, "seed": i + 1})
        bias = draw({"shape": [outputs], "scale": 0.1, "seed": i + 101})
        modules += [affine(weight, bias), nn.ReLU() if case["activation"] == "relu" else nn.Tanh()]
    x = draw({"shape": [batch, sizes[0]], "scale": 1, "seed": 1001})
    if case["loss"] == "crossEntropy":
        loss, y = nn.CrossEntropyLoss(), labels(batch, sizes[-1])
    else:
        loss, y = nn.MSELoss(), draw({"shape": [batch, sizes[-1]], "scale": 1, "seed": 1002})
    return trained(nn.Sequential(*modules[:-1]), loss, x, y, case["learningRate"])


def transformer_model(p, sizes):
    model = nn.TransformerEncoderLayer(
        sizes["width"], sizes["heads"], sizes["hidden"], dropout=0.0, activation="relu", batch_first=True, norm_first=True
    )
    assign(model.norm1.weight, p["gain1"])
    assign(model.norm1.bias, p["shift1"])
    assign(model.self_attn.in_proj_weight, p["qkvWeight"].T)
    assign(model.self_attn.in_proj_bias, p["qkvBias"])
    assign(model.self_attn.out_proj.weight, p["outWeight"].T)
    assign(model.self_attn.out_proj.bias, p["outBias"])
    assign(model.norm2.weight, p["gain2"])
    assign(model.norm2.bias, p["shift2"])
    model.linear1 = affine(p["upWeight"], p["upBias"])
    model.linear2 = affine(p["downWeight"], p["downBias"])
    return model


def convolution_model(p, sizes):
    hidden = sizes["hidden"]
    model = nn.Sequential(
        nn.Conv2d(sizes["channels"], hidden, 3, padding=1), nn.ReLU(), nn.Conv2d(hidden, hidden, 3, padding=1)
    )
    for module, number in [(model[0], 1), (model[2], 2)]:
        assign(module.weight, p[f"kernel{number}"])
        assign(module.bias, p[f"bias{number}"])
    return model


class LastState(nn.Module):
    def __init__(self, p, sizes):
        super().__init__()
        self.lstm = nn.LSTM(sizes["inputs"], sizes["units"])
        assign(self.lstm.weight_ih_l0, p["inputWeight"].T)
        assign(self.lstm.weight_hh_l0, p["stateWeight"].T)
        assign(self.lstm.bias_ih_l0, p["bias"])
        # The second bias of the module is no part of the case.
        self.lstm.bias_hh_l0.requires_grad_(False).zero_()

    def forward(self, x):
        return self.lstm(x)[0][-1]


MODELS = {"transformer": transformer_model, "convolution": convolution_model, "lstm": LastState}


def network(case):
    model = MODELS[case["kind"]]({name: draw(each) for name, each in case["parameters"].items()}, case["sizes"])
    return trained(model, nn.MSELoss(), draw(case["x"]), draw(case["target"]), case["learningRate"])
