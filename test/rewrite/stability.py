"""Makes stability.json: functions that formulas cancel, overflow or underflow in, with their first two derivatives, by mpmath.

python3 test/rewrite/stability.py > test/rewrite/stability.json
"""

import json

from mpmath import erfc, exp, expm1, log, log1p, mp, mpf, sqrt, tanh

mp.dps = 60

REAL = [-1000, -746, -104, -88.5, -30, -10, -1, -0.125, -(2.0**-20), 2.0**-20, 0.125, 1, 10, 30, 88.5, 104, 746, 1000]
POSITIVE = [x for x in REAL if x > 0]
NEGATIVE = [x for x in REAL if x < 0]


def sigmoid(x):
    return 1 / (1 + exp(-x)) if x > 0 else exp(x) / (1 + exp(x))


def softplus(x):
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))


def normal_tail(x):
    """The derivative of log erfc, over 2."""
    return -exp(-x * x) / (sqrt(mp.pi) * erfc(x))


# Each with its first and second derivative in closed form: differences would need more digits than there are.
FUNCTIONS = {
    "logSigmoid": (REAL, lambda x: -softplus(-x), lambda x: sigmoid(-x), lambda x: -sigmoid(x) * sigmoid(-x)),
    "softplus": (REAL, softplus, sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "sigmoid": (
        REAL,
        sigmoid,
        lambda x: sigmoid(x) * sigmoid(-x),
        lambda x: sigmoid(x) * sigmoid(-x) * (sigmoid(-x) - sigmoid(x)),
    ),
    "expm1": ([x for x in REAL if x < 88], expm1, exp, exp),
    "log1p": ([x for x in REAL if x > -1], log1p, lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2),
    "log1mexp": (
        NEGATIVE,
        lambda x: log(-expm1(x)),
        lambda x: exp(x) / expm1(x),
        lambda x: -exp(x) / expm1(x) ** 2,
    ),
    "logExpm1": (
        POSITIVE,
        lambda x: x + log(-expm1(-x)),
        lambda x: 1 / -expm1(-x),
        lambda x: -exp(-x) / expm1(-x) ** 2,
    ),
    "tanh": (REAL, tanh, lambda x: 1 / mp.cosh(x) ** 2, lambda x: -2 * tanh(x) / mp.cosh(x) ** 2),
    "logErfc": (
        [-8, -3, -1, -0.125, -(2.0**-20), 2.0**-20, 0.125, 1, 3, 5],
        lambda x: log(erfc(x)),
        lambda x: 2 * normal_tail(x),
        lambda x: -4 * x * normal_tail(x) - 4 * normal_tail(x) ** 2,
    ),
    "identity": (REAL, lambda x: x, lambda x: mpf(1), lambda x: mpf(0)),
}

ROWS = [
    ([0, 0, 0], [1, 1, 1]),
    ([1000, 999, -1000], [1, 0.5, 2]),
    ([-2000, -2001.5, -1999.75], [0.25, 4, 0.125]),
    ([0, 200, 100], [2, -1, 0.5]),
    ([88.5, 88.25, -104], [3, -0.5, 1]),
]


def number(value):
    return mp.nstr(value, 18, min_fixed=-4, max_fixed=6)


def scalars():
    for name, (points, *functions) in FUNCTIONS.items():
        yield name, {"x": points, "y": [[number(f(mpf(x))) for x in points] for f in functions]}


def rows():
    for x, w in ROWS:
        x = [mpf(each) for each in x]
        total = log(sum(exp(each) for each in x))
        terms = [weight * exp(each - total) for weight, each in zip(w, x)]
        weighted = total + log(sum(terms)) if sum(terms) > 0 else None
        yield {
            "x": [float(each) for each in x],
            "w": w,
            "softmax": [number(exp(each - total)) for each in x],
            "logSoftmax": [number(each - total) for each in x],
            "logSumExp": number(total),
            "weighted": None if weighted is None else number(weighted),
            "shares": [number(term / sum(terms)) for term in terms],
        }


lines = [f' {json.dumps(name)}: {json.dumps(value)}' for name, value in scalars()]
lines.append(' "rows": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows()) + "\n ]")
print("{\n" + ",\n".join(lines) + "\n}")
