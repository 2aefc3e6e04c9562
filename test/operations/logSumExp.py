"""Writes logSumExp.json: weighted logSumExp and its first two derivatives. Run with mpmath: python3 logSumExp.py

Each case has x and weights w of three elements, y = log sum_i w_i e^(x_i), the gradient with respect to (x, w), the
matrix of second derivatives, row by row, and how many times larger than their sum the terms |w_i| e^(x_i) are together:
what the relative errors of the sum, and so of everything else, are multiplied with.
"""
import json
import random
from pathlib import Path

from mpmath import diff, exp, log, mp, mpf

mp.dps = 60
random.seed(1)
N = 3


def y_of(*z):
    return log(sum(w * exp(x) for x, w in zip(z[:N], z[N:], strict=True)))


def derivatives(x, w):
    """The gradient is (p, q), p_i = w_i e^(x_i - y), q_i = e^(x_i - y); dq_i = q_i (dx_i - dy) and p_i = w_i q_i."""
    y = y_of(*x, *w)
    q = [exp(a - y) for a in x]
    p = [b * c for b, c in zip(w, q, strict=True)]
    g = p + q
    direct = {}
    for i in range(N):
        direct[i, i] = p[i]
        direct[i, i + N] = direct[i + N, i] = q[i]
    return y, g, [[direct.get((i, k), 0) - g[i] * g[k] for k in range(2 * N)] for i in range(2 * N)]


def check(x, w, gradient, second):
    """The formulas above against numerical differences."""
    for i in range(2 * N):
        orders = [int(k == i) for k in range(2 * N)]
        assert abs(diff(y_of, (*x, *w), tuple(orders)) - gradient[i]) < mpf("1e-12") * (1 + abs(gradient[i]))
        for k in range(2 * N):
            both = [order + int(j == k) for j, order in enumerate(orders)]
            assert abs(diff(y_of, (*x, *w), tuple(both)) - second[i][k]) < mpf("1e-8") * (1 + abs(second[i][k]))


def encode(*values):
    return " ".join(repr(float(value)).replace("inf", "Infinity") for value in values)


def case(x, w):
    x, w = [list(map(mpf, values)) for values in (x, w)]
    terms = [b * exp(a) for a, b in zip(x, w, strict=True)]
    if sum(terms) <= 0:
        return None
    y, gradient, second = derivatives(x, w)
    if max(map(abs, [*x, *w])) < 5:
        check(x, w, gradient, second)
    return {
        "x": encode(*x),
        "w": encode(*w),
        "y": encode(y),
        "gradient": encode(*gradient),
        "second": [encode(*row) for row in second],
        "terms": encode(sum(map(abs, terms)) / sum(terms)),
    }


def draws(count, x, w):
    found = []
    while len(found) < count:
        made = case([x() for _ in range(N)], [w() for _ in range(N)])
        if made is not None:
            found.append(made)
    return found


def between(low, high):
    return lambda: random.uniform(low, high)


def chosen(*values):
    return lambda: random.choice(values)


CASES = [
    *draws(10, between(-3, 3), between(0.1, 2)),
    *draws(10, between(-3, 3), between(-2, 2)),
    *draws(10, between(-1e4, 1e4), between(-2, 2)),
    *draws(6, lambda: 1e4 + random.uniform(-3, 3), between(-2, 2)),
    *draws(6, lambda: -1e4 + random.uniform(-3, 3), between(-2, 2)),
    # Weights of 0 that hide exponents of any size, and tiny ones that make up for them.
    *draws(12, between(-3, 3), chosen(0, 1, 2, -0.5)),
    *draws(12, chosen(-1e4, -3, 0, 2, 700), chosen(0, 1, 3)),
    *draws(6, chosen(-1e4, 0, 1e4), chosen(0, 1e-300, 1)),
    *draws(8, between(600, 800), lambda: 10 ** random.uniform(-320, -250)),
    case([1e4, 0, 1], [0, 1, 1]),
    case([-1e4, -1e4, 1e4], [1, 2, 0]),
    case([740, 740, 0], [5e-324, 0, 1e-320]),
]

Path(__file__).with_suffix(".json").write_text(json.dumps(CASES, indent=2) + "\n")
