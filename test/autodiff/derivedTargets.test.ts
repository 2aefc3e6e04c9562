/** Gradients with respect to what has been derived before, and what has been computed from it. */
import { expect, test } from 'vitest';
import {
  add,
  div,
  exp,
  expectClose,
  grad,
  gradients,
  input,
  jvp,
  log,
  mul,
  neg,
  square,
  sum,
  tensor,
  type Variable,
  valueOf,
  vjp,
  withRewriting,
} from '../examples/support.ts';

const x = input([], { name: 'x', dtype: 'float64' });
const at = new Map([[x, tensor(0.7, { dtype: 'float64' })]]);
const logistic = (v: Variable): Variable => div(1, add(1, exp(neg(v))));

/** The same by default and in the plain graph. */
function expectAsWritten(compute: () => readonly Variable[]): void {
  const numbers = (): unknown[] => compute().map((each) => valueOf(each, at));
  const plain = withRewriting('none', numbers);
  expect(plain.flat().some((each) => each !== 0)).toBe(true);
  expectClose(numbers() as number[], plain as number[]);
}

test.each<[string, () => Variable]>([
  ['of a logistic', () => gradients(logistic(x), [x])[0]],
  ['of a quotient', () => gradients(div(square(x), 3), [x])[0]],
  [
    'which is another variable',
    () => gradients(mul(x, log(exp(square(x)))), [log(exp(x))], { disconnected: 'zero' })[0].add(x),
  ],
  ['of forward mode', () => jvp(logistic, [x], [1])[1]],
  ['of vjp', () => vjp(logistic, [x])[1](1)[0]],
  ['of grad', () => grad(logistic)(x)],
])('a derivative %s is a target like any other', (_, derive) => {
  expectAsWritten(() => {
    const g = derive();
    return gradients(square(g), [g]);
  });
  expectAsWritten(() => {
    const g = derive();
    const u = exp(g);
    return gradients(mul(square(u), g), [u, g]);
  });
  expectAsWritten(() => {
    const g = derive();
    return gradients(mul(square(g), x), [x, g]);
  });
  expectAsWritten(() => {
    const g = derive();
    const [dg] = gradients(mul(square(g), exp(x)), [g]);
    return gradients(mul(dg, g), [g, x]);
  });
  expectAsWritten(() => {
    const g = derive();
    return [grad((v: Variable) => mul(v, log(exp(v))))(g)].concat(gradients(sum(exp(g)), [x]));
  });
});

test('a derivative and a value on the way to it, both', () => {
  expectAsWritten(() => {
    const e = exp(x);
    const [g] = gradients(mul(log(e), square(x)), [x]);
    return gradients(mul(mul(g, e), g), [g, e, x]);
  });
});
