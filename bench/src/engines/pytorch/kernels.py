"""Products of matrices and single operations: functions that give a tensor."""
import torch
from torch.nn import functional

from draw import draw


def product(case):
    a, b = draw(case["a"]), draw(case["b"])
    a, b = a.T if case["transposeA"] else a, b.T if case["transposeB"] else b
    return lambda: torch.matmul(a, b)


OPERATIONS = {
    "sum-all": lambda x: x.sum(),
    "sum-rows": lambda x: x.sum(1),
    "sum-columns": lambda x: x.sum(0),
    "add-row": torch.add,
    "elementwise-chain": lambda x, y, z: 0.5 * torch.relu(x * y + z) - x,
    "matrix-vector": torch.mv,
    "softmax-rows": lambda x: torch.softmax(x, -1),
    "layer-norm": lambda x, gain, shift: functional.layer_norm(x, x.shape[-1:], gain, shift),
    "call-overhead": lambda x: x + 1,
}


def kernel(case):
    operation, operands = OPERATIONS[case["of"]], [draw(each) for each in case["operands"]]
    return lambda: operation(*operands)
