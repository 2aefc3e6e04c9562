"""Runs the benchmark's cases in PyTorch: reads one request a line from stdin, answers one line on stdout.

{"do": "hello", "threads": 2}                  -> {"version": "2.4.0"}
{"do": "prepare", "case": {...}, "data": ...}  -> {}            arrays are base64 of little-endian numbers
{"do": "check"}                                -> {"values": ...}  losses, or the product in base64
{"do": "run", "times": 10}                     -> {"seconds": 0.123}
"""
import base64
import json
import sys
import time

import numpy
import torch
from torch import nn

CHECKED_LOSSES = 6


def array(text, shape, dtype=numpy.float32):
    return torch.from_numpy(numpy.frombuffer(base64.b64decode(text), dtype).reshape(shape).copy())


def prepare_step(case, data):
    """A function that does one training step and returns the loss as a Python number."""
    modules = []
    for layer in data["layers"]:
        linear = nn.Linear(layer["inputs"], layer["outputs"])
        with torch.no_grad():
            linear.weight.copy_(array(layer["w"], (layer["inputs"], layer["outputs"])).T)
            linear.bias.copy_(array(layer["b"], (layer["outputs"],)))
        modules += [linear, nn.ReLU() if case["activation"] == "relu" else nn.Tanh()]
    model = nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=case["learningRate"])
    x = array(data["x"], (case["batch"], case["sizes"][0]))
    if case["loss"] == "crossEntropy":
        loss, y = nn.CrossEntropyLoss(), array(data["y"], (case["batch"],), numpy.int32).long()
    else:
        loss, y = nn.MSELoss(), array(data["y"], (case["batch"], case["sizes"][-1]))

    def once():
        optimizer.zero_grad(set_to_none=True)
        objective = loss(model(x), y)
        objective.backward()
        optimizer.step()
        return objective.item()

    return once, lambda: [once() for _ in range(CHECKED_LOSSES)]


def prepare_matmul(case, data):
    shape = (case["size"], case["size"])
    a, b = array(data["a"], shape), array(data["b"], shape)

    def once():
        return torch.matmul(a, b).numpy()

    return once, lambda: base64.b64encode(once().tobytes()).decode()


def main():
    once = check = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        if request["do"] == "hello":
            torch.set_num_threads(request["threads"])
            answer["version"] = torch.__version__
        elif request["do"] == "prepare":
            prepare = prepare_step if request["case"]["kind"] == "step" else prepare_matmul
            once, check = prepare(request["case"], request["data"])
        elif request["do"] == "check":
            answer["values"] = check()
        elif request["do"] == "run":
            start = time.perf_counter()
            for _ in range(request["times"]):
                once()
            answer["seconds"] = time.perf_counter() - start
        print(json.dumps(answer), flush=True)


main()
