"""Answers with PyTorch what each row of conventionRows.ts asks: its value and its gradient.

Run by `UPDATE_CONVENTIONS=1 npx vitest run test/autodiff/documentedConventions.test.ts` as `conventions.py questions.json answers.json`.
"""

import json
import math
import sys

import torch


def decode(value):
    return [decode(each) for each in value] if isinstance(value, list) else float(value)


def encode(value):
    if isinstance(value, list):
        return [encode(each) for each in value]
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def gradients(z, inputs):
    if not z.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    found = torch.autograd.grad(z, inputs, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found)]


def answer(question):
    inputs = [torch.tensor(decode(x), dtype=torch.float64, requires_grad=True) for x in question["at"]]
    value = eval(question["torch"], {"torch": torch}, dict(zip("xy", inputs)))
    found = gradients(value.sum(), inputs)
    return {
        "torch": question["torch"],
        "at": question["at"],
        "value": encode(value.tolist()),
        "gradient": [encode(g.tolist()) for g in found],
    }


def main():
    with open(sys.argv[1]) as file:
        answers = [answer(question) for question in json.load(file)]
    with open(sys.argv[2], "w") as file:
        lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in answers)
        file.write(f'{{"torch":"{torch.__version__}",\n"answers":[\n{lines}\n]}}\n')


main()
