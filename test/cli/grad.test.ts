import { describe, expect, test } from 'vitest';
import { chainrule, complaint, gradJSON } from './command.ts';

describe('values and gradients against closed forms', () => {
  const { sin, cos, exp, log, tanh, E, PI } = Math;
  const logistic = (x: number): number => 1 / (1 + exp(-x));
  const cases: [
    expression: string,
    at: string,
    value: number,
    derivatives: Record<string, number | number[]>,
  ][] = [
    ['x*y + sin(x)', 'x=2,y=3', 6 + sin(2), { x: 3 + cos(2), y: 2 }],
    ['-x^2', 'x=3', -9, { x: -6 }],
    ['2^-x', 'x=3', 0.125, { x: -log(2) / 8 }],
    ['2^3^x', 'x=2', 512, { x: 512 * log(2) * 9 * log(3) }],
    ['x**3 - x - 1', 'x=1.5', 0.875, { x: 5.75 }],
    ['a/b/c', 'a=8,b=4,c=2', 1, { a: 1 / 8, b: -1 / 4, c: -1 / 2 }],
    ['1/(1 + e^-x)', 'x=0.5', logistic(0.5), { x: logistic(0.5) * (1 - logistic(0.5)) }],
    ['log(tanh(x)) * pi', 'x=1', PI * log(tanh(1)), { x: (PI * (1 - tanh(1) ** 2)) / tanh(1) }],
    ['(a + b) * (b + c)', 'a=-1,b=3,c=4', 14, { a: 7, b: 9, c: 2 }],
    ['sum(w * [1, 2, 3])^2', 'w=[1,-2,3]', 36, { w: [12, 24, 36] }],
    ['dot(x, x)', 'x=[3,4]', 25, { x: [6, 8] }],
    ['norm([x, y])', 'x=3,y=4', 5, { x: 0.6, y: 0.8 }],
    ['where(x > 0, x, x*x)', 'x=-3', 9, { x: -6 }],
    ['max([a, b])', 'a=1,b=2', 2, { a: 0, b: 1 }],
    ['floor(x) + y', 'x=1.5,y=2', 3, { x: 0, y: 1 }],
    ['exp(x)', 'x=pi/2', exp(PI / 2), { x: exp(PI / 2) }],
    ['π*e*x', 'x=1', PI * E, { x: PI * E }],
  ];
  test.each(cases)('%s at %s', async (expression, at, value, derivatives) => {
    const found = await gradJSON(expression, at);
    expect(found.value).toBeCloseTo(value, 10);
    expect(Object.keys(found.derivatives)).toEqual(Object.keys(derivatives).map((name) => `dz/d${name}`));
    for (const [name, expected] of Object.entries(derivatives)) {
      const actual = [found.derivatives[`dz/d${name}`]].flat();
      [expected].flat().forEach((each, i) => {
        expect(actual[i]).toBeCloseTo(each, 10);
      });
    }
  });
});

test('a matrix product: the gradient of sum(W @ x) is x in every row', async () => {
  const found = await gradJSON('sum(W @ x)', 'W=[[1,2],[3,4]],x=[5,6]');
  expect(found.value).toBe(56);
  expect(found.derivatives['dz/dW']).toEqual([
    [5, 6],
    [5, 6],
  ]);
  expect(found.derivatives['dz/dx']).toEqual([4, 6]);
});

test('higher orders of sin', async () => {
  const { derivatives } = await gradJSON('sin(x)', 'x=0.7', '--order', '4');
  expect(Object.keys(derivatives)).toEqual(['dz/dx', 'd2z/dx2', 'd3z/dx3', 'd4z/dx4']);
  const expected = [Math.cos(0.7), -Math.sin(0.7), -Math.cos(0.7), Math.sin(0.7)];
  Object.values(derivatives).forEach((each, i) => {
    expect(each).toBeCloseTo(expected[i], 12);
  });
});

test('orders beyond the degree of a polynomial are zero', async () => {
  const { derivatives } = await gradJSON('x*x', 'x=3', '--order', '3');
  expect(derivatives).toEqual({ 'dz/dx': 6, 'd2z/dx2': 2, 'd3z/dx3': 0 });
});

test('float32 prints the digits of float32', async () => {
  const { out } = await chainrule('grad', 'x*x', '--at', 'x=0.1', '--dtype', 'float32');
  expect(out).toContain('dz/dx = 0.2\n');
});

test('infinities survive JSON', async () => {
  const found = await gradJSON('1/x', 'x=0');
  expect(found.value).toBe('Infinity');
  expect(found.derivatives['dz/dx']).toBe('-Infinity');
});

test('prints values, derivatives and their graph', async () => {
  const { code, out, err } = await chainrule('grad', 'x*y + sin(x)', '--at', 'x=2,y=3');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatchInlineSnapshot(`
    "z = x*y + sin(x)

      x     = 2
      y     = 3

      z     = 6.909297426825682
      dz/dx = 2.5838531634528574
      dz/dy = 2

    The graph of z, dz/dx, dz/dy:

      %0 = input x : float64[]
      %1 = input y : float64[]
      %2 = mul(%0, %1) : float64[]
      %3 = sin(%0) : float64[]
      %4 = add(%2, %3) : float64[]
      %5 = cos(%0) : float64[]
      %6 = add(%5, %1) : float64[]
      return %4, %6, %0
    "
  `);
});

describe('one line for what cannot be done', () => {
  const cases: [what: string, argv: string[], message: RegExp][] = [
    ['unknown function', ['sine(x)', '--at', 'x=1'], /unknown function sine; did you mean sin or sinh\?$/],
    ['a function by another name', ['ln(x)', '--at', 'x=1'], /unknown function ln; did you mean log\?$/],
    ['inherited names are no functions', ['constructor(x)', '--at', 'x=1'], /unknown function constructor/],
    ['a missing value', ['x*y', '--at', 'x=1'], /no value for y; .*--at x=\.\.\.,y=1$/],
    ['no values', ['x*y'], /no value for x, y/],
    ['a value too many', ['x*x', '--at', 'x=1,z=2'], /--at: z does not appear in x\*x/],
    ['bad --at', ['x', '--at', 'x:1'], /--at: "x:1" is not of the form name=value/],
    ['no number', ['x', '--at', 'x=two'], /--at: x: "two" is neither a number nor a list of numbers/],
    ['ragged lists', ['sum(x)', '--at', 'x=[[1,2],[3]]'], /--at: x: tensor: rows differ in length/],
    ['a value given twice', ['x', '--at', 'x=1,x=2'], /x is given twice/],
    ['a constant as a variable', ['e*x', '--at', 'x=1,e=2'], /e is a constant/],
    ['arity', ['sin(x, x)', '--at', 'x=1'], /sin takes 1 operand, got 2$/],
    ['arity of max', ['max(x, 0)', '--at', 'x=1'], /max takes 1 operand, got 2 \(.*maximum\)$/],
    ['a function without operands', ['x + sin', '--at', 'x=1'], /sin is a function: write sin\(\.\.\.\)/],
    ['no scalar', ['x*2', '--at', 'x=[1,2]'], /x\*2 has shape \[2\], and a gradient needs a scalar: .*sum/],
    ['no real number', ['x > 1', '--at', 'x=2'], /x > 1 is bool\[\], not a real number/],
    ['an index', ['x*argmax([x, 1])', '--at', 'x=2'], /gradient/],
    ['no variables', ['1 + 2'], /no variables/],
    ['--order of two variables', ['x*y', '--at', 'x=1,y=1', '--order', '2'], /one scalar variable/],
    [
      'shapes',
      ['sum(a + b)', '--at', 'a=[1,2],b=[1,2,3]'],
      /add: shapes \[2\] and \[3\] do not broadcast.* at "a \+ b"$/,
    ],
    ['unknown option', ['x', '--att', 'x=1'], /unknown option '--att' \(Did you mean --at\?\)/],
    ['bad dtype', ['x', '--dtype', 'half'], /Allowed choices are float32, float64/],
    ['bad order', ['x', '--order', '0'], /whole number of at least 1/],
  ];
  test.each(cases)('%s', async (_, argv, message) => {
    expect(await complaint('grad', ...argv)).toMatch(message);
  });
});

describe('syntax errors say where', () => {
  const cases: [expression: string, message: string][] = [
    ['sin(x', '"(" is never closed, at column 4, marked ‸ in: sin‸(x'],
    ['x + * 2', 'a value is missing before "*", at column 5, marked ‸ in: x + ‸* 2'],
    ['x +', 'a value is missing at the end, at column 4, marked ‸ in: x +‸'],
    ['2x', 'an operator is missing before "x", at column 2, marked ‸ in: 2‸x'],
    ['x y', 'an operator is missing before "y", at column 3, marked ‸ in: x ‸y'],
    ['sin(x y)', 'an operator is missing before "y"'],
    ['x)', '")" closes nothing'],
    ['(x]', '"]" closes nothing'],
    ['x, y', 'a comma may only separate'],
    ['x.constructor', 'unexpected "." (members cannot be read)'],
    ['x = 3', 'unexpected "=" (nothing can be assigned; == compares)'],
    ['x[0]', 'an operator is missing before "["'],
    ['x ? 1 : 2', 'unexpected "?"'],
    ['"text"', 'unexpected """'],
    ['[1,,2]', 'a value is missing before ","'],
    ['sin(x,)', 'a value is missing before ")"'],
    ['()', 'a value is missing before ")"'],
    ['   ', 'the expression is empty'],
    [`${'('.repeat(4000)}x${')'.repeat(4000)}`, 'nested too deeply'],
  ];
  test.each(cases)('%s', async (expression, message) => {
    expect(await complaint('grad', expression, '--at', 'x=1')).toContain(message);
  });
});

test('a long sum is no trouble', async () => {
  const { derivatives } = await gradJSON(Array(1200).fill('x').join(' + '), 'x=1');
  expect(derivatives).toEqual({ 'dz/dx': 1200 });
});
