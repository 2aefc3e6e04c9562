"""Writes special.json: float64 arguments and true values for special.test.ts. Run with mpmath: python3 special.py

For each function a list of texts "x y scale" (of two operands "a b y scale"): y is the truth, correctly rounded, and scale
the size of the largest term that it is the difference of (its own size, where it is no difference): what its error is
counted in.
"""
import json
import math
import random
from pathlib import Path

from mpmath import atan2, erfc, erfinv, exp, expm1, findroot, hypot, log, log1p, loggamma, mp, mpf, pi, polygamma
from mpmath import sign, sin, sqrt

mp.dps = 50
random.seed(1)


def uniform(low, high, count):
    return [random.uniform(low, high) for _ in range(count)]


def powers(low, high, count):
    """Sizes spread evenly over the powers of ten."""
    return [10 ** random.uniform(low, high) for _ in range(count)]


def around(*points):
    """Neighbours of each point, the closest on each side and some further off."""
    offsets = [10**-k for k in range(1, 15, 2)]
    closest = [math.nextafter(p, direction) for p in points for direction in (-math.inf, math.inf)]
    return closest + [p + s * offset for p in points for offset in offsets for s in (-1, 1)]


def left_of_zero(count):
    near_poles = [-random.randint(1, 50) + random.choice([-1, 1]) * 10 ** random.uniform(-12, -1) for _ in range(count)]
    return uniform(-10, 0, count) + near_poles + [-x for x in powers(-300, 4, count)]


def log_gamma(x):
    if x > 0:
        return loggamma(x), 0
    reflection, other = log(pi / abs(sin(pi * x))), loggamma(1 - x)
    return reflection - other, max(abs(reflection), abs(other))


def psi(n):
    def value(x):
        if x > 0:
            return polygamma(n, x), 0
        y = polygamma(n, x)
        return y, max(abs(y), abs(polygamma(n, 1 - x)), abs(pi ** (n + 1)))

    return value


def inverse_erf(x):
    if abs(x) < 0.5:
        return erfinv(x), 0
    # Newton's method on log erfc keeps all digits near 1.
    tail = 1 - abs(x)
    return sign(x) * findroot(lambda y: log(erfc(y)) - log(tail), sqrt(-log(tail)) * 0.9), 0


def entry(f, *arguments):
    value, scale = f(*map(mpf, arguments))
    y = float(value)
    if y == 0 or math.isinf(y) or math.isnan(y):
        return None
    return " ".join(repr(v) for v in (*arguments, y, max(abs(y), float(scale))))


def table(f, *columns):
    found = (entry(f, *arguments) for arguments in zip(*columns, strict=True))
    return [text for text in found if text is not None]


def log_add_exp(a, b):
    y = log(exp(a) + exp(b))
    return y, max(abs(max(a, b)), y - max(a, b))


def own(f):
    return lambda *arguments: (f(*arguments), 0)


def log1mexp(x):
    return log(-expm1(x)) if x > -1 else log1p(-exp(x))


right = uniform(0, 4, 80) + uniform(3, 12, 40) + powers(-300, 300, 40) + powers(-3, 5, 30)
gamma_arguments = right + around(1, 2, 3) + left_of_zero(30)
moderate = [x for x in right if 1e-30 < x < 1e30] + around(1, 3) + [x for x in left_of_zero(25) if -50 < x < -1e-30]


def pairs(count, *ranges):
    return [[random.choice(ranges)(1)[0] for _ in range(count)] for _ in range(2)]


def signed(low, high):
    return lambda count: [random.choice([-1, 1]) * x for x in powers(low, high, count)]


plane = [a + b for a, b in zip(pairs(60, lambda n: uniform(-5, 5, n)), pairs(60, signed(-300, 300)), strict=True)]
logs = [a + b for a, b in zip(pairs(60, lambda n: uniform(1, 5, n)), pairs(40, signed(-5, 3)), strict=True)]

TABLES = {
    "gammaln": table(log_gamma, gamma_arguments),
    "digamma": table(psi(0), gamma_arguments + around(1.4616321449683622)),
    "polygamma 1": table(psi(1), moderate),
    "polygamma 2": table(psi(2), moderate),
    "polygamma 3": table(psi(3), moderate),
    "polygamma 8": table(psi(8), moderate),
    "erfc": table(own(erfc), uniform(-2, 2, 40) + uniform(0.4, 26.5, 100) + powers(-300, 0, 20)),
    "erfinv": table(
        inverse_erf, uniform(-1, 1, 80) + [1 - x for x in powers(-16, 0, 40) if x > 2e-16] + powers(-300, 0, 20)
    ),
    "logaddexp": table(log_add_exp, *logs),
    "xlogy": table(own(lambda a, b: a * log(b)), plane[0], [abs(b) for b in plane[1]]),
    "logit": table(own(lambda x: log(x) - log1p(-x)), uniform(0, 1, 80) + powers(-300, 0, 30) + around(0.5)),
    "logSigmoid": table(own(lambda x: -log1p(exp(-x))), uniform(-5, 5, 40) + signed(-10, 2.8)(60)),
    "hypot": table(own(hypot), *plane),
    "atan2": table(own(atan2), *plane),
    "log1mexp": table(own(log1mexp), [-x for x in uniform(0, 5, 60) + powers(-300, 2.8, 60)] + around(-math.log(2))),
    "log1mexp slope": table(own(lambda x: -1 / expm1(-x)), [-x for x in uniform(0, 5, 40) + powers(-150, 2.86, 60)]),
    "log1mexp curvature": table(
        own(lambda x: -exp(x) / expm1(x) ** 2), [-x for x in uniform(0, 5, 40) + powers(-150, 2.86, 60)]
    ),
}

Path(__file__).with_suffix(".json").write_text(json.dumps(TABLES, indent=2) + "\n")
