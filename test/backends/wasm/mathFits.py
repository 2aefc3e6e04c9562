"""The polynomial coefficients that src/backends/wasm/math calls a Remez fit, with their errors: python3 mathFits.py

Remez exchange on a dense grid, in 60 digits: minimises the largest |weight(x) (f(x) - polynomial(x))|. The weight
makes that the relative error of the function computed in the end.
"""
from mpmath import atan, cos, erf, erfc, exp, expm1, log, lu_solve, matrix, mp, mpf, nstr, pi, sign, sinh, tanh

mp.dps = 60


def remez(f, weight, basis, low, high, rounds=40, density=600):
    low, high = mpf(low), mpf(high)
    count = len(basis)
    middle, radius = (low + high) / 2, (high - low) / 2
    grid = [low] * (low > 0) + [middle - radius * cos(pi * (i + mpf(1) / 2) / density) for i in range(density)] + [high]
    values, weights, rows = [f(x) for x in grid], [weight(x) for x in grid], [[b(x) for b in basis] for x in grid]
    points = [middle - radius * cos(pi * (i + mpf(1) / 3) / (count + mpf(1) / 2)) for i in range(count + 1)]
    for _ in range(rounds):
        system = matrix(
            [[b(x) for b in basis] + [(-1) ** i / weight(x)] for i, x in enumerate(points)]
        )
        solution = lu_solve(system, matrix([f(x) for x in points]))
        coefficients, level = list(solution)[:-1], abs(solution[count])
        errors = [w * (v - sum(c * b for c, b in zip(coefficients, row))) for v, w, row in zip(values, weights, rows)]
        extrema = []
        for i, error in enumerate(errors):
            if not extrema or sign(error) != sign(errors[extrema[-1]]):
                extrema.append(i)
            elif abs(error) > abs(errors[extrema[-1]]):
                extrema[-1] = i
        while len(extrema) > count + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        largest = max(map(abs, errors))
        if len(extrema) <= count or largest < 1.001 * level:
            break
        points = [grid[i] for i in extrema]
    return coefficients, largest


def powers(count, step=1):
    return [lambda x, k=k: x ** (k * step) for k in range(count)]


def show(name, digits, fit):
    coefficients, error = fit
    print(f"{name}: error 2^{float(log(error, 2)):.2f}")
    print("  " + ", ".join(nstr(c, digits) for c in coefficients))


def fit_exp(count):
    half = log(2) / 2 * mpf("1.0005")
    return remez(lambda r: (expm1(r) - r) / r**2, lambda r: r**2 / exp(r) + mpf(10) ** -8, powers(count), -half, half)


def fit_odd(f, factor, count, high):
    """f(x) = x + x factor(x) polynomial(x^2)."""
    return remez(
        lambda x: (f(x) - x) / (x * factor(x)), lambda x: x * factor(x) / f(x), powers(count, 2), 0, high
    )


show("exp Q, f32x4", 10, fit_exp(5))
show("exp Q, f64x2", 20, fit_exp(10))
show("sinh S, f32x4", 10, fit_odd(sinh, lambda x: x**2, 4, 1))
show("sinh S, f64x2", 20, fit_odd(sinh, lambda x: x**2, 7, 1))
show("tanh, f32x4", 10, fit_odd(tanh, lambda x: -x**2, 5, mpf(5) / 8))
show("atan A, f32x4", 10, fit_odd(atan, lambda x: -x**2, 6, mpf(1) / 2))
show("erf E, f32x4", 10, fit_odd(erf, lambda x: 1, 6, mpf(7) / 8))
show("erf E, f64x2", 20, fit_odd(erf, lambda x: 1, 12, 1))
show(
    "erf L, f32x4", 10,
    remez(lambda a: log(erfc(a)) / a, lambda a: a * erfc(a) / erf(a), powers(6), mpf(7) / 8, 4),
)
