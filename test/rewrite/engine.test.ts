/** What happens around a rule: where it is tried, what becomes of what it builds, and what is left alone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { runReference } from '../../src/backends/reference/run.ts';
import { checkpoint } from '../../src/checkpointing/index.ts';
import {
  ancestors,
  apply,
  captureSite,
  getOperation,
  input,
  type Operation,
  print,
  RewriteError,
  scalar,
  type Tensor,
  tensor,
  type Variable,
  validate,
  withSite,
} from '../../src/graph/index.ts';
import { defineOperation, registry } from '../../src/operations/index.ts';
import { defaultRules } from '../../src/rewrite/index.ts';
import { withRewriting } from '../../src/rewrite/level.ts';
import { rewrite } from '../../src/rewrite/rewriter.ts';
import { isFor, type Place, type Rule, rule, ruleText } from '../../src/rewrite/rule.ts';
import { RuleTable } from '../../src/rewrite/ruleTable.ts';
import { simplify } from '../../src/rewrite/simplify.ts';
import { applied, attributes, number, terms, unknown } from '../../src/rewrite/term.ts';
import type { RewriteStep } from '../../src/rewrite/trace.ts';
import { graphOfRecipe, recipes } from '../support/randomGraph.ts';

const { abs, add, cast, cos, exp, log, mul, neg, sigmoid, sin, square, sub, sum, tanh } = registry;
const [x, y] = ['x', 'y'].map(unknown);
const [a, b] = ['a', 'b'].map((name) => input([2, 3], { name }));

const namesIn = (z: Variable): string[] => ancestors([z]).applications.map(({ operation }) => operation.name);
const with_ = (rules: readonly Rule[], z: Variable, trace?: RewriteStep[]): Variable =>
  simplify(z, { rules, level: 'fastMath', trace });
const made = (parts: Omit<Parameters<typeof rule>[0], 'class'>): Rule => rule({ class: 'exact', ...parts });

const logOfExp = made({ name: 'log of exp', pattern: terms.log(terms.exp(x)), replacement: x });
const twiceNegated = made({ name: 'twice negated', pattern: terms.neg(terms.neg(x)), replacement: x });

describe('a rule', () => {
  test('fires wherever its pattern fits, however deep', () => {
    const z = sum(tanh(mul(log(exp(a)), log(exp(b)))));
    expect(namesIn(with_([logOfExp], z))).toEqual(['mul', 'tanh', 'sum']);
  });

  test('leaves the graph that it was given as it was', () => {
    const z = tanh(log(exp(a)));
    const before = print(z);
    with_([logOfExp], z);
    expect(print(z)).toBe(before);
  });

  test('gives back the same variables where nothing fires', () => {
    const z = tanh(exp(a));
    expect(with_([logOfExp], z)).toBe(z);
  });

  test('sees what others have made beneath it, and what it has made itself', () => {
    const z = log(neg(neg(exp(log(exp(a))))));
    expect(with_([logOfExp, twiceNegated], z)).toBe(a);
  });

  test('has its own results visited', () => {
    const unfolded = made({
      name: 'square written out',
      pattern: terms.square(terms.exp(x)),
      replacement: ({ variables: { x } }) => exp(log(exp(mul(2, x)))),
    });
    const z = square(exp(a));
    expect(namesIn(with_([unfolded, logOfExp], z))).toEqual(['mul', 'exp']);
  });

  test('whose results are numbers has them folded', () => {
    const half = made({
      name: 'numbers first',
      pattern: terms.mul(number('c'), terms.mul(number('d'), x)),
      replacement: ({ numbers: { c, d }, variables: { x } }) => mul(mul(scalar(c, 'float32'), d), x),
    });
    const trace: RewriteStep[] = [];
    const z = with_([half], mul(3, mul(5, a)), trace);
    expect(namesIn(z)).toEqual(['mul']);
    expect(print(z)).toContain('15');
    expect(trace.length).toBe(1);
  });

  test('comes before those after it in the list', () => {
    const first = made({
      name: 'first',
      pattern: terms.exp(x),
      replacement: ({ variables }) => sin(variables.x),
    });
    const second = made({
      name: 'second',
      pattern: terms.exp(x),
      replacement: ({ variables }) => cos(variables.x),
    });
    expect(namesIn(with_([first, second], exp(a)))).toEqual(['sin']);
    expect(namesIn(with_([second, first], exp(a)))).toEqual(['cos']);
  });

  test('that declines leaves the place to the next', () => {
    const declines = made({ name: 'declines', on: exp.declaration.operation!, replacement: () => undefined });
    expect(with_([declines, logOfExp], log(exp(a)))).toBe(a);
  });

  test('may be about a kind of operations', () => {
    const seen: string[] = [];
    const watch = made({
      name: 'watch',
      on: 'elementwise',
      replacement: (_, { application }) => {
        seen.push(application.operation.name);
        return undefined;
      },
    });
    with_([watch], sum(tanh(registry.reshape(exp(a), [6]))));
    expect(seen).toEqual(['exp', 'tanh']);
  });

  test('is for the dtypes that it claims', () => {
    for (const [dtypes, expected] of [
      ['float', [true, true, false, false, false]],
      ['integer', [false, false, true, true, false]],
      ['number', [true, true, true, true, false]],
      ['any', [true, true, true, true, true]],
    ] as const) {
      const each = made({ name: 'any', dtypes, pattern: terms.neg(x), replacement: x });
      expect(
        (['float32', 'float64', 'int32', 'uint8', 'bool'] as const).map((dtype) => isFor(each, dtype)),
      ).toEqual(expected);
    }
    const integers = input([3], { dtype: 'int32' });
    expect(with_([twiceNegated], neg(neg(integers)))).not.toBe(integers);
    expect(with_([{ ...twiceNegated, dtypes: 'number' }], neg(neg(integers)))).toBe(integers);
  });

  test('reads as what it says', () => {
    expect(ruleText(logOfExp)).toBe('log(exp(x)) -> x');
    expect(ruleText(made({ name: 'r', pattern: terms.sum(x, attributes('axes')), replacement: x }))).toBe(
      'sum(x, axes) -> x',
    );
    const procedure = made({ name: 'r', pattern: terms.exp(x), replacement: () => undefined });
    expect(ruleText(procedure)).toBe('exp(x) -> ?');
    expect(ruleText({ ...procedure, says: 'anything -> anything' })).toBe('anything -> anything');
  });
});

describe('a result', () => {
  test('is broadcast to the shape of what it replaces', () => {
    const row = input([3], { name: 'row' });
    const drop = made({ name: 'drop', pattern: terms.add(terms.mul(x, 0), y), replacement: y });
    const z = with_([drop], add(mul(a, 0), row));
    expect(z.shape).toEqual([2, 3]);
    expect(namesIn(z)).toEqual(['broadcastTo']);
  });

  test('that is a number is too', () => {
    const one = made({ name: 'one', pattern: terms.div(x, x), replacement: number(() => 1) });
    const z = with_([one], registry.div(a, a));
    expect(z.type).toBe('float32[2, 3]');
    expect(runReference([z])[0].toArray()).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
  });

  test('of another dtype is an error that names the rule', () => {
    const wrong = made({
      name: 'wrong',
      pattern: terms.exp(x),
      replacement: ({ variables }) => cast(variables.x, 'float64'),
    });
    const call = (): Variable => with_([wrong], exp(a));
    expect(call).toThrow(RewriteError);
    expect(call).toThrow('rule "wrong" puts float64[2, 3] in the place of exp float32[2, 3]');
  });

  test('of a shape that does not broadcast is an error', () => {
    const wrong = made({ name: 'wrong', pattern: terms.sum(x), replacement: x });
    expect(() => with_([wrong], sum(a))).toThrow(/broadcastTo/);
  });

  test('inherits the line of what it replaces', () => {
    const z = log(add(1, exp(a)));
    const line = getOperation(z)!.site.toString();
    const softplus = made({
      name: 'softplus',
      pattern: terms.log(terms.add(1, terms.exp(x))),
      replacement: terms.softplus(x),
    });
    expect(getOperation(with_([softplus], z))!.site.toString()).toBe(line);
    expect(line).toMatch(/^engine\.test\.ts:\d+$/);
  });
});

describe('rules that undo one another', () => {
  const there = made({
    name: 'sine to cosine',
    pattern: terms.sin(x),
    replacement: ({ variables: { x } }) => cos(x),
  });
  const back = made({
    name: 'cosine to sine',
    pattern: terms.cos(x),
    replacement: ({ variables: { x } }) => sin(add(x, 1)),
  });

  test('are stopped, and named', () => {
    const call = (): Variable => with_([logOfExp, there, back], sin(log(exp(a))));
    expect(call).toThrow(RewriteError);
    expect(call).toThrow(
      /^simplify: after 1000 steps in the place of one operation, now (sin|cos), the rules /,
    );
    expect(call).toThrow(/"sine to cosine"/);
    expect(call).toThrow(/"cosine to sine"/);
    expect(call).not.toThrow(/"log of exp"/);
  });

  test('also where one alone goes round', () => {
    const grows = made({
      name: 'grows',
      pattern: terms.sin(x),
      replacement: ({ variables: { x } }) => sin(add(x, 1)),
    });
    expect(() => with_([grows], sin(a))).toThrow(/the rules "grows" still fire/);
  });

  test('the count is of one place: long graphs fire as often as they like', () => {
    let z: Variable = a;
    for (let i = 0; i < 3000; i++) z = tanh(log(exp(z)));
    const trace: RewriteStep[] = [];
    with_([logOfExp], z, trace);
    expect(trace.length).toBe(3000);
  });
});

describe('what a rule may ask of its place', () => {
  /** What `ask` answers at the last operation of a graph. */
  function asked<T>(outputs: Variable[], ask: (place: Place) => T, since?: number): T | undefined {
    let answer: T | undefined;
    const spy = made({
      name: 'spy',
      on: exp.declaration.operation!,
      replacement: (_, place) => {
        answer = ask(place);
        return undefined;
      },
    });
    rewrite(outputs, { rules: new RuleTable([spy], 'exact'), derivativesSince: since });
    return answer;
  }

  test('how many read a variable: applications, each operand, and results', () => {
    const s = sin(a);
    const operand = ({ application }: Place): Variable => application.inputs[0];
    expect(asked([exp(s)], (place) => place.uses(operand(place)))).toBe(1);
    expect(asked([exp(s), add(s, s)], (place) => place.uses(operand(place)))).toBe(3);
    expect(asked([exp(s), s], (place) => place.uses(operand(place)))).toBe(2);
    expect(asked([exp(s)], (place) => place.uses(place.application.outputs[0]))).toBe(1);
    expect(asked([exp(s)], (place) => place.uses(b))).toBe(0);
  });

  test('readers of equal expressions count together', () => {
    const outputs = [cos(add(a, b)), exp(add(b, a))];
    expect(asked(outputs, (place) => place.uses(place.application.inputs[0]))).toBe(2);
  });

  test('readers that are gone do not count, nor do those and their successors twice', () => {
    const s = sin(a);
    const dropped = made({
      name: 'dropped',
      pattern: terms.mul(x, 0),
      replacement: number(() => 0),
    });
    const turned = made({
      name: 'turned',
      pattern: terms.tanh(terms.neg(x)),
      replacement: ({ variables: { x } }) => neg(exp(x)),
    });
    const readers = (outputs: Variable[]): number | undefined => {
      let answer: number | undefined;
      const spy = made({
        name: 'spy',
        on: exp.declaration.operation!,
        replacement: (_, place) => {
          answer = place.uses(place.application.inputs[0]);
          return undefined;
        },
      });
      rewrite(outputs, { rules: new RuleTable([dropped, turned, spy], 'exact') });
      return answer;
    };
    expect(readers([mul(s, 0), exp(s)])).toBe(1);
    expect(readers([mul(cos(s), 0), exp(s)])).toBe(1);
    expect(readers([tanh(neg(s))])).toBe(1);
    expect(readers([tanh(neg(s)), s])).toBe(2);
  });

  test('what belongs to a derivative', () => {
    const s = sin(a);
    const z = exp(s);
    const owner = ({ isDerivative, application: { inputs, outputs } }: Place): boolean[] =>
      [inputs[0], outputs[0]].map((each) => isDerivative(each));
    expect(asked([z], owner)).toEqual([false, false]);
    expect(asked([z], owner, z.id)).toEqual([false, true]);
    expect(asked([z], owner, s.id)).toEqual([true, true]);
  });
});

describe("operations of one's own", () => {
  const softsign = defineOperation({
    name: 'softsign',
    formula: (k, x) => k.div(x, k.add(k.literal(1), k.abs(x))),
    partials: [({ y }) => square(sub(1, abs(y)))],
  });
  const recognized = rule({
    name: 'softsign',
    class: 'exact',
    pattern: terms.div(x, terms.add(1, terms.abs(x))),
    replacement: applied(softsign.declaration.operation!, [x]),
  });
  const written = (v: Variable): Variable => registry.div(v, add(abs(v), 1));

  test('are what rules rewrite to', () => {
    const z = with_([recognized], written(a));
    expect(namesIn(z)).toEqual(['softsign']);
    const v = input([6]);
    const feeds = new Map([[v, tensor([0, -1, 3, 0.5, -Infinity, NaN])]]);
    const [values] = runReference([with_([recognized], written(v))], feeds);
    expect(values.toArray()).toEqual([0, -0.5, 0.75, Math.fround(1 / 3), NaN, NaN]);
  });

  test('are what rules are about', () => {
    const inverse = rule({
      name: 'softsign of a negative',
      class: 'exact',
      pattern: applied(softsign.declaration.operation!, [terms.neg(x)]),
      replacement: terms.neg(applied(softsign.declaration.operation!, [x])),
    });
    expect(namesIn(with_([recognized, inverse], written(neg(a))))).toContain('softsign');
    expect(namesIn(with_([inverse], softsign(neg(a))))).toEqual(['softsign', 'neg']);
  });

  test('merge when they are equal', () => {
    const [one, two] = simplify([softsign(a), softsign(a)]);
    expect(one).toBe(two);
  });
});

describe('simplify', () => {
  test('takes a Variable, or trees of them', () => {
    const z = log(exp(a));
    const options = { rules: [logOfExp] };
    expect(simplify(z, options)).toBe(a);
    expect(simplify([z, [z]], options)).toEqual([a, [a]]);
    expect(simplify({ loss: z, parts: { p: [z, b] } }, options)).toEqual({ loss: a, parts: { p: [a, b] } });
  });

  test('shares between the parts of a tree', () => {
    const { one, two } = simplify({ one: sin(add(a, b)), two: exp(sin(add(b, a))) });
    expect(getOperation(two)!.inputs[0]).toBe(one);
  });

  test('refuses what is no Variable, and options that it does not know', () => {
    expect(() => simplify(3)).toThrow(/expected Variables.*engine\.test\.ts:\d+/);
    expect(() => simplify(a, { tracing: [] } as never)).toThrow(/tracing/);
    expect(() => simplify(a, { rules: logOfExp } as never)).toThrow(
      /rules is Object; give a list.*engine\.test\.ts:\d+$/,
    );
  });

  test('uses the default rules', () => {
    expect(namesIn(simplify(log(registry.softmax(a))))).toEqual(['logSoftmax']);
    expect(namesIn(simplify(log(registry.softmax(a)), { rules: [] }))).toEqual(['softmax', 'log']);
  });

  test('may have rules beside the default ones', () => {
    const own = made({ name: 'own', pattern: terms.sin(terms.tanh(x)), replacement: x });
    expect(simplify(log(exp(neg(neg(sin(tanh(a)))))), { rules: [own, ...defaultRules] })).toBe(a);
  });
});

describe('what is left alone', () => {
  const inside = (v: Variable): Variable => tanh(neg(neg(v)));

  test('the inside of a checkpoint, as long as it can still be differentiated', () => {
    const z = sum(checkpoint(inside)(neg(neg(a))));
    const simple = with_([twiceNegated], z);
    // Before the region signs go; within it they stay.
    expect(namesIn(simple).filter((name) => name === 'neg').length).toBe(2);
    expect(namesIn(z).filter((name) => name === 'neg').length).toBe(4);
    const feeds = new Map([
      [
        a,
        tensor([
          [1, -2, 3],
          [0.5, 0, -1],
        ]),
      ],
    ]);
    const [before] = runReference(gradients(z, [a]), feeds);
    const [after] = runReference(gradients(simple, [a]), feeds);
    expect(after.toArray()).toEqual(before.toArray());
  });

  test('before it is compiled nothing is', () => {
    const z = sum(checkpoint(inside)(neg(neg(a))));
    const [final] = rewrite([z], { rules: new RuleTable([twiceNegated], 'exact') });
    expect(namesIn(final)).not.toContain('neg');
  });

  test('opaque operations never merge, fold or run twice', () => {
    const noise: Operation<Record<string, never>> = {
      name: 'noise',
      infer: ([v]) => [{ shape: v.shape, dtype: v.dtype }],
      bprop: ({ g }) => g,
      computation: { kind: 'elementwise', formula: (_, [v]) => v },
      opaque: true,
    };
    const draw = (v: Variable): Variable => apply(noise, [v], {});
    const z = sub(draw(neg(neg(a))), draw(neg(neg(a))));
    const simple = simplify(z);
    expect(namesIn(simple).filter((name) => name === 'noise').length).toBe(2);
    const once = draw(log(exp(a)));
    const [kept, read] = simplify([once, neg(neg(once))], { rules: [logOfExp, twiceNegated] });
    expect(kept).toBe(once);
    expect(read).toBe(once);
  });
});

describe('deep graphs', () => {
  const quickly = <T>(build: () => T): T => withSite(captureSite(), build);

  test('where a rule fires in every place', () => {
    const z = quickly(() => {
      let v: Variable = input([3]);
      for (let i = 0; i < 50_000; i++) v = log(exp(v));
      return v;
    });
    const simple = with_([logOfExp], z);
    expect(simple.source.kind).toBe('input');
  });

  test('where signs move from one end to the other', () => {
    const z = quickly(() => {
      let v: Variable = neg(input([3]));
      const two = scalar(2, 'float32');
      for (let i = 0; i < 20_000; i++) v = mul(v, two);
      return v;
    });
    const simple = with_(
      [
        made({
          name: 'sign out',
          pattern: terms.mul(terms.neg(x), y),
          replacement: terms.neg(terms.mul(x, y)),
        }),
      ],
      z,
    );
    const names = namesIn(simple);
    expect(names.length).toBe(20_001);
    expect(names.at(-1)).toBe('neg');
  });

  test('with the default rules', () => {
    const z = quickly(() => {
      const start = input([3]);
      let v: Variable = start;
      for (let i = 0; i < 100_000; i++) v = i % 4 === 0 ? neg(v) : i % 4 === 1 ? mul(v, start) : sigmoid(v);
      return v;
    });
    validate([simplify(z)]);
  });
});

describe('random graphs under the default rules', () => {
  /** Elements may differ as far as rounding of numbers up to the largest goes. */
  function compare(expected: readonly Tensor[], found: readonly Tensor[]): void {
    expected.forEach(({ data }, i) => {
      const largest = Math.max(1, ...Array.from(data, Math.abs).filter(Number.isFinite));
      data.forEach((value, k) => {
        const other = found[i].data[k];
        if (Object.is(value, other) || value === other) return;
        expect(Math.abs(other - value) / largest).toBeLessThan(1e-11);
      });
    });
  }

  const property = (kind: 'smooth' | 'every') =>
    fc.property(recipes(kind, 14, 'small'), (recipe) => {
      const { nodes, inputs, feeds } = graphOfRecipe(recipe, 'float64');
      const outputs = nodes.slice(inputs.length);
      fc.pre(outputs.length > 0);
      const simple = simplify(outputs);
      validate(simple);
      expect(simple.map(({ type }) => type)).toEqual(outputs.map(({ type }) => type));
      const trace: RewriteStep[] = [];
      const again = simplify(simple, { trace });
      expect(trace).toEqual([]);
      expect(again.every((each, i) => each === simple[i])).toBe(true);
      compare(runReference(outputs, feeds), runReference(simple, feeds));
      const derivatives = (graph: readonly Variable[]): Tensor[] =>
        withRewriting('none', () => {
          const z = sum(sin(graph[graph.length - 1]));
          return runReference(gradients(z, inputs, { disconnected: 'zero' }), feeds);
        });
      compare(derivatives(outputs), derivatives(simple));
    });

  test('have the same values and derivatives, and nothing is left to do', () => {
    fc.assert(property('smooth'), { numRuns: 100 });
  });

  test('kinks included', () => {
    fc.assert(property('every'), { numRuns: 100 });
  });
});
