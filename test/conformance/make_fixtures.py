"""Answers the questions of cases.ts with PyTorch: values, gradients, and gradients of gradients, in float64.

Run by `UPDATE_FIXTURES=1 npx vitest run test/conformance` as `make_fixtures.py questions.json fixtures.json`.
"""

import json
import math
import sys

import torch

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "int32": torch.int64,  # PyTorch's own index type
    "uint8": torch.uint8,
    "bool": torch.bool,
}


def decode(block):
    data = [float(value) for value in block["data"]]
    return torch.tensor(data, dtype=torch.float64).reshape(block["shape"]).to(DTYPES[block["dtype"]])


def encode_number(value):
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        if value == 0:
            return "-0" if math.copysign(1, value) < 0 else 0
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return int(value)


def encode(tensor):
    flat = tensor.detach().reshape(-1).tolist()
    dtype = str(tensor.dtype).removeprefix("torch.")
    return {"dtype": dtype, "shape": list(tensor.shape), "data": [encode_number(value) for value in flat]}


def evaluate(expression, inputs):
    result = eval(expression, {"torch": torch}, dict(zip("xyz", inputs)))
    return [result] if isinstance(result, torch.Tensor) else list(result)


def gradients(z, targets):
    """Zeros where z does not depend on a target."""
    if not z.requires_grad:
        return [torch.zeros_like(target) for target in targets]
    found = torch.autograd.grad(z, targets, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(targets, found)]


def weighted(tensors, weights):
    total = torch.zeros((), dtype=torch.float64)
    for tensor, weight in zip(tensors, weights):
        total = total + (tensor * decode(weight)).sum()
    return total


def answer(question):
    inputs = [decode(block) for block in question["inputs"]]
    targets = [x.requires_grad_() for x in inputs if x.is_floating_point()]
    outputs = evaluate(question["torch"], inputs)
    floats = [y for y in outputs if y.is_floating_point()]
    first = gradients(weighted(floats, question["weights"]), targets)
    second = gradients(weighted(first, question["directions"]), targets)
    made = {
        **question,
        "outputs": [encode(y) for y in outputs],
        "gradients": [encode(g) for g in first],
    }
    if any(g.any() for g in second):
        made["second"] = [encode(g) for g in second]
    return made


def answer_special(question):
    inputs = [decode(block) for block in question["inputs"]]
    return {**question, "output": encode(evaluate(question["torch"], inputs)[0])}


def lines(cases):
    return ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)


def main():
    with open(sys.argv[1]) as file:
        questions = json.load(file)
    cases = lines([answer(question) for question in questions["cases"]])
    special = lines([answer_special(question) for question in questions["special"]])
    with open(sys.argv[2], "w") as file:
        file.write(f'{{"torch":"{torch.__version__}",\n"cases":[\n{cases}\n],\n"special":[\n{special}\n]}}\n')


main()
