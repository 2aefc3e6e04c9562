"""The coefficients that src/operations/special calls a fit, with their errors: python3 specialFits.py

Rational functions P / Q with Q(0) = 1 (or polynomials) through the Chebyshev nodes of an interval, found in 60 digits:
within a small factor of the best possible. The weight makes the error relative to the function computed in the end.
"""
from mpmath import cos, digamma, erfc, euler, exp, findroot, log, loggamma, lu_solve, matrix, mp, mpf, nstr, pi, polygamma, polyval, sqrt

mp.dps = 60


def fit(f, weight, numerator, denominator, low, high, density=1000):
    low, high = mpf(low), mpf(high)
    count = numerator + denominator + 1
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    values = [f(x) for x in nodes]
    rows = [
        [x**j for j in range(numerator + 1)] + [-y * x**j for j in range(1, denominator + 1)]
        for x, y in zip(nodes, values)
    ]
    solution = list(lu_solve(matrix(rows), matrix(values)))
    p, q = solution[: numerator + 1], [mpf(1)] + solution[numerator + 1 :]
    grid = [low + (high - low) * i / density for i in range(density + 1)]
    error = max(abs(weight(x) * (polyval(p[::-1], x) / polyval(q[::-1], x) - f(x))) for x in grid)
    return p, q, error


def show(name, found):
    p, q, error = found
    print(f"{name}: error 2^{float(log(error, 2)):.2f}")
    print("  P: " + ", ".join(repr(float(c)) for c in p))
    if len(q) > 1:
        print("  Q: " + ", ".join(repr(float(c)) for c in q))


# log Gamma z = (z - 1) (z - 2) (0.4375 + R(z - 1)) on [1, 3]: the constant is most of the quotient, so that the rounding
# errors of R count little.
def near(t):
    z = t + 1
    if z == 1:
        return euler
    return 1 - euler if z == 2 else loggamma(z) / ((z - 1) * (z - 2))


show("log Gamma, 1 to 3", fit(lambda t: near(t) - mpf("0.4375"), lambda t: 1 / near(t), 8, 8, 0, 2))


# log Gamma z = (z - 1/2) (log z - 1) + (log 2 pi - 1) / 2 + J(1 / z^2) / z on [3, inf).
def binet(w):
    if w == 0:
        return mpf(1) / 12
    z = 1 / sqrt(w)
    return z * (loggamma(z) - (z - mpf(1) / 2) * log(z) + z - log(2 * pi) / 2)


show(
    "log Gamma, from 3",
    fit(binet, lambda w: sqrt(w) / loggamma(1 / sqrt(w)) if w > 0 else 0, 4, 4, 0, mpf(1) / 9),
)

# digamma z = (z - root) (0.8125 + D(z - 1)) on [1, 3].
root = findroot(digamma, mpf("1.46"))
print("root of digamma:", nstr(root, 40), "=", float(root), "+", float(root - mpf(float(root))))


def slope(t):
    z = t + 1
    return digamma(z) / (z - root) if z != root else polygamma(1, root)


show("digamma, 1 to 3", fit(lambda t: slope(t) - mpf("0.8125"), lambda t: 1 / slope(t), 7, 7, 0, 2))


# digamma z = log z - 1 / (2 z) - K(1 / z^2) / z^2 on [3, inf).
def rest(w):
    if w == 0:
        return mpf(1) / 12
    z = 1 / sqrt(w)
    return z * z * (log(z) - 1 / (2 * z) - digamma(z))


show("digamma, from 3", fit(rest, lambda w: w / digamma(1 / sqrt(w)) if w > 0 else 0, 4, 4, 0, mpf(1) / 9))


# erfc x = e^(-x^2) / (1 + 2 x) F(t), t = (x - 4) / (x + 4), on [1/2, 28].
def scaled(t):
    x = 4 * (1 + t) / (1 - t)
    return (1 + 2 * x) * exp(x * x) * erfc(x)


show("erfc, 1/2 to 28", fit(scaled, lambda t: 1 / scaled(t), 22, 0, mpf(-7) / 9, mpf(24) / 32))
