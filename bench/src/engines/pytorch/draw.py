"""The numbers that the benchmarks compute with, as cases/draw.js draws them."""
import numpy
import torch

BLOCK = 1 << 20


def uniform(length, scale, seed):
    """Uniform numbers from -scale to scale (mulberry32), whose n-th state is known without the ones before."""
    numbers = numpy.empty(length, numpy.float32)
    for start in range(0, length, BLOCK):
        count = numpy.arange(start + 1, min(start + BLOCK, length) + 1, dtype=numpy.uint64)
        state = (count * 0x6D2B79F5 + seed).astype(numpy.uint32)
        bits = (state ^ (state >> 15)) * (state | numpy.uint32(1))
        bits ^= bits + (bits ^ (bits >> 7)) * (bits | numpy.uint32(61))
        bits ^= bits >> 14
        numbers[start : start + BLOCK] = (bits.astype(numpy.float64) / 2**31 - 1) * scale
    return numbers


def draw(operand):
    shape = operand["shape"]
    numbers = uniform(int(numpy.prod(shape)), operand["scale"], operand["seed"])
    return torch.from_numpy(numbers.reshape(shape))


def labels(batch, classes):
    return (torch.arange(batch) * 7 + 3) % classes


def sample(numbers):
    """The elements of a result that a check compares."""
    flat = numbers.detach().reshape(-1)
    return flat[:: flat.numel() // 64 + 1].tolist()
