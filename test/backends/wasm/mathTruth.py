"""Writes mathTruth.json: float64 arguments and true values for math.test.ts. Run with mpmath: python3 mathTruth.py

For each function a list of texts "x result rest" (for pow "x y result rest"): floats as 16 hexadecimal digits, the
result correctly rounded, and the rest (truth - result) in units of the result's last place.
"""
import json
import random
import struct
from pathlib import Path

from mpmath import mp, mpf
import mpmath

mp.prec = 1300  # reaches through the reduction of 1.8e308 modulo pi/2
random.seed(20240607)


def to_hex(x):
    return struct.pack(">d", x).hex()


def step(x, n):
    """The float n places from x."""
    bits = struct.unpack(">q", struct.pack(">d", x))[0]
    return struct.unpack(">d", struct.pack(">q", bits + n))[0]


def nearest(truth):
    """The float nearest to truth, and the rest in units in its last place; None where it overflows or is zero."""
    if truth == 0 or mpmath.isnan(truth) or mpmath.isinf(truth):
        return None
    exponent = max(int(mpmath.floor(mpmath.log(abs(truth), 2))) - 52, -1074)
    unit = mpf(2) ** exponent
    count = int(mpmath.nint(truth / unit))
    if abs(count * unit) >= mpf(2) ** 1024 or count == 0:
        return None
    return float(count * unit), float(truth / unit - count)


def uniform(low, high, count):
    return [random.uniform(low, high) for _ in range(count)]


def scattered(low, high, count):
    """Both signs, sizes spread evenly over the exponents."""
    logs = uniform(float(mpmath.log(low)), float(mpmath.log(high)), count)
    return [float(mpmath.exp(v)) * random.choice([-1, 1]) for v in logs]


def around(*points):
    return [step(p, n) for p in points for n in (-2, -1, 0, 1, 2)]


def near_quarter_turns(count):
    """The floats nearest to multiples of pi/2, where the reduced argument is smallest."""
    multiples = [1, 2, 3, 4, 5, 7, 355, 710, 104348] + [int(abs(v)) for v in scattered(10, 1e6, count)]
    return [float(k * mpmath.pi / 2) for k in multiples]


TINY = [5e-324, 1e-310, 2.0**-1022, 1e-300, 1e-100, 1e-20, 2.0**-54, 2.0**-53, 1e-9]
LN2 = 0.6931471805599453
CIRCULAR = (
    uniform(-10, 10, 30) + scattered(1e-8, 1, 10) + scattered(1, 2**20, 25) + scattered(2**20, 1.7e308, 30)
    + near_quarter_turns(25) + around(2.0**20) + [1.7976931348623157e308, 1e22, 6381956970095103 * 2.0**797] + TINY
)
HYPERBOLIC = uniform(-3, 3, 50) + uniform(-25, 25, 20) + scattered(1e-8, 1, 20) + around(1.0, LN2 / 2, 22.0) + TINY
GROWTH = uniform(-709, 710, 20) + around(709.782712893384, 710.4758600739439)
ARC = (
    uniform(-1, 1, 70) + around(0.5, -0.5) + scattered(1e-8, 1, 20)
    + [s * (1 - abs(v)) for s, v in zip([1, -1] * 10, scattered(1e-16, 0.4, 20))] + TINY
)
ABOVE_ZERO = (
    [abs(v) for v in scattered(1e-307, 1e308, 25) + scattered(5e-324, 2e-308, 10)] + uniform(0.5, 2, 50)
    + [1 + v for v in scattered(1e-15, 0.3, 30)] + around(1.0, 0.7071067811865476, 1.4142135623730951) + TINY[:3]
)

ARGUMENTS = {
    "exp": uniform(-745, 709.7, 40) + uniform(-745, -708, 20) + uniform(-1, 1, 40)
    + around(-745.1332191019411, -708.3964185322641, 709.782712893384, LN2 / 2) + TINY,
    "expm1": uniform(-40, 40, 40) + uniform(-1, 1, 40) + scattered(1e-17, 1, 30) + around(LN2 / 2, -LN2 / 2) + GROWTH + TINY,
    "log": ABOVE_ZERO,
    "log1p": [v - 1 for v in ABOVE_ZERO if v > 1e-15] + scattered(1e-17, 0.9, 40) + TINY,
    "sin": CIRCULAR, "cos": CIRCULAR, "tan": CIRCULAR,
    "asin": ARC, "acos": ARC,
    "atan": uniform(-4, 4, 60) + scattered(1e-8, 1e20, 40) + around(7 / 16, 2.414213562373095, 1.0) + TINY,
    "sinh": HYPERBOLIC + GROWTH, "cosh": HYPERBOLIC + GROWTH, "tanh": HYPERBOLIC,
    "sigmoid": uniform(-745, -700, 20) + uniform(-40, 40, 60) + uniform(-2, 2, 40) + TINY,
    "erf": uniform(-6, 6, 90) + uniform(-1.2, 1.2, 60) + scattered(1e-8, 1, 20) + around(1.0, -1.0) + TINY,
}

TRUTH = {
    name: getattr(mpmath, name)
    for name in ("exp", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf")
} | {
    "log": mpmath.log,
    "log1p": lambda x: mpmath.log(1 + x),
    "expm1": lambda x: mpmath.exp(x) - 1 if abs(x) > 2**-60 else x + x * x / 2 + x**3 / 6,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
}


def powers():
    for _ in range(60):  # anywhere
        yield abs(scattered(1e-30, 1e30, 1)[0]), random.uniform(-9, 9)
    for _ in range(60):  # results of any size, down to subnormals
        x = abs(scattered(1e-300, 1e300, 1)[0])
        yield x, random.uniform(-1074, 1024) * LN2 / float(mpmath.log(x))
    for _ in range(40):  # bases near 1, large exponents
        x = 1 + scattered(1e-12, 0.1, 1)[0]
        yield x, random.uniform(-745, 709) / float(mpmath.log(x))
    for _ in range(30):
        yield -random.uniform(0.1, 50), float(random.randint(-40, 40))
    for _ in range(10):
        yield abs(scattered(5e-324, 2e-308, 1)[0]), random.uniform(-1, 1)


def lines(cases, function):
    for arguments in cases:
        found = nearest(function(*map(mpf, arguments)))
        if found is not None:
            yield " ".join([*map(to_hex, arguments), to_hex(found[0]), f"{found[1]:.3f}"])


table = {name: list(lines(((x,) for x in xs), TRUTH[name])) for name, xs in ARGUMENTS.items()}
table["pow"] = list(lines(powers(), lambda x, y: mpmath.power(x, int(y) if y == int(y) else y)))
Path(__file__).with_name("mathTruth.json").write_text(json.dumps(table, indent=2) + "\n")
