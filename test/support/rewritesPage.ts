/** `docs/rewrites.md`: every rewriting rule, with a step that it took in a run. */
import { type Rule, ruleText } from '../../src/rewrite/rule.ts';
import type { RewriteStep } from '../../src/rewrite/trace.ts';
import { allFamilies, casesOf, drawCase, rewritten } from './ruleExamples.ts';

/** What each family is about, in a sentence or two. */
const ABOUT: Readonly<Record<string, string>> = {
  identities: 'Operations that leave their operand as it is, and other ways to write a single operation.',
  numbers: 'Numbers known beforehand that stand in a row make one number.',
  signs: 'Signs move outwards, where they meet and cancel.',
  casts: 'Conversions that lose nothing, and those that undo them.',
  cancellation:
    'What is divided by itself, or multiplied and divided by the same. What cancels is gone, and with it the NaN that it may be.',
  powers: 'Powers, roots and magnitudes.',
  choice: 'Choices between two values, and what is done to them.',
  truth: 'Comparisons and what joins them.',
  exponentials: 'Exponentials and logarithms that meet, and their forms that keep all digits near 0.',
  hyperbolic: 'Hyperbolic functions, written as sums and quotients of exponentials in the textbook.',
  logistic:
    'The logistic function and its logarithm in all the ways in which they are written: exponentials that overflow are not computed.',
  softmax: 'Exponentials divided by their sum, and the logarithms of such.',
  logarithms:
    'Logarithms of products and of sums of exponentials, as they stand in likelihoods: what is too small for a number is never computed.',
  statistics: 'Variances, covariances and lengths, written with means and squares in the textbook.',
  broadcasting: 'Repetition: none where an operation repeats by itself, and as late as possible.',
  movement: 'Operations that only move elements to other places: one where there were several.',
  parts: 'Slices, pads and concatenations that undo one another.',
  reductions: 'Sums, products and extremes over fewer axes, of fewer elements, once where there were two.',
  'known sums': 'Sums whose value, or most of whose terms, are known beforehand.',
  factors:
    'Factors that all terms have in common move out of sums, where there are fewer elements to multiply.',
  products: 'Sums of products that are matrix products, and matrix products that need not be computed whole.',
  'matrix chains':
    'The order in which several matrices are multiplied: the one that takes the fewest operations.',
  'fast math': "What compilers do under `-ffast-math`. Off unless asked for with `setRewriting('fastMath')`.",
  'constant tensors':
    'Rules that look at the numbers of constant tensors. They act before differentiation and between orders; a compiled program is kept for all constants of a shape.',
  'like terms':
    'Sums of products as back-propagation leaves them, with like terms collected. They act on derivatives alone: in a formula of yours the order of additions may be chosen with care, and stays.',
  'before compiling':
    'Rules for graphs that will not be differentiated any more: they act last of all, when a graph is compiled or evaluated.',
};

const HEADER = `# Rewriting

You write a formula as the textbook has it; the graph that runs, and the derivative that is built from it, are the ones that a numerical analyst
would have written. Before a graph is differentiated, between orders of differentiation, and once more before it is compiled, a rewriter goes over it:
equal expressions merge, operations on known numbers are done at once, and *rules* replace what is costly or fragile.

\`\`\`ts
import { add, div, evaluate, exp, gradients, input, log, type RewriteStep, simplify, sub, sum, tensor } from 'chainrule';

const z = input([3], { name: 'z', dtype: 'float64' });
const q = div(exp(z), sum(exp(z)));                      // softmax as the textbook has it: overflows for z > 709
const J = sub(0, sum(log(q)));

const trace: RewriteStep[] = [];
simplify(J, { trace });
for (const { rule, before, after } of trace) console.log(\`\${rule}: \${before} -> \${after}\`);
// softmax: div(exp(z), sum(exp(z), axes=[0])) -> softmax(z, axis=0)
// log of softmax: log(softmax(z, axis=0)) -> logSoftmax(z, axis=0)
// zero minus: sub(0, x) -> neg(x)

const [slope] = gradients(J, [z]);                        // of log-softmax: finite where exp(z) is not
console.log(evaluate(slope, new Map([[z, tensor([0, 1000, -1000], { dtype: 'float64' })]])).toArray().join(' ')); // -1 2 -1
\`\`\`

## What a rule may do

Each rule is a pair of expressions, a pattern and what takes its place, and belongs to a class, which says in what sense the two are equal:

| Class | The two sides are equal | By default |
|---|---|---|
| \`exact\` | for all numbers, infinities and NaN included, up to a few units in the last place (zeros of either sign are one) | on |
| \`removesSingularity\` | wherever the left side stays finite; where it divides by zero, overflows, or takes the logarithm of what has underflowed, the right side has the value of the formula in real numbers | on |
| \`fastMath\` | in real numbers; digits, an infinity or a NaN may get lost | off |

So by default no finite number becomes another, beyond rounding: sums that you wrote are added in your order (compensated summation survives), and
\`x * 0\` stays, since it is NaN for an infinite x. Derivatives agree as well, to second order, with their conventions at kinks
([conventions.md](conventions.md)). That a NaN put in comes out again holds but for what cancels altogether, as in x / x.

Rules do not undo one another for ever. Each operation has a cost that grows with that of its operands, and a rule must lower it whatever its unknowns
stand for; one that does not is refused when it is made. (A rule whose right side is a procedure answers for itself; should such rules go round in a
circle, an error names them.)

## Seeing it, and turning it down

\`simplify(z, { trace })\` shows what happens to a graph: each step has the rule's name and class, the expressions before and after, and the line of your
program (\`site\`) that asked for what was there. It takes a Variable, or nested arrays and objects of them.

\`\`\`ts
import { add, input, log, mul, print, setRewriting, simplify, sqrt, square, withRewriting } from 'chainrule';

const x = input([3], { name: 'x' });
const z = log(add(1, x));
console.log(print(simplify(z)).includes('log1p'));                     // true
console.log(simplify(z, { level: 'none' }) === z);                     // true

setRewriting('none');                                                  // from now on: no rules at all
setRewriting('removesSingularity');                                    // as it is by default
const y = withRewriting('fastMath', () => simplify(sqrt(square(mul(x, 2)))));   // for the length of a call
\`\`\`

## A rule of your own

Patterns are terms: functions that have the names of the operations, on unknowns. Operands of commutative operations are tried in both orders, an unknown
that occurs twice stands for the same expression, \`number('c')\` for a number known beforehand, and \`attributes('axes')\` for axes and the like.
The rewriter works from the operands outwards: when a rule is tried, what stands beneath is in its final form already.

\`\`\`ts
import { abs, add, defineOperation, div, input, print, type RewriteStep, simplify, square, sub } from 'chainrule';
import { applied, defaultRules, number, rule, terms, unknown } from 'chainrule/rewrite';

const softsign = defineOperation({
  name: 'softsign',
  formula: (k, x) => k.div(x, k.add(k.literal(1), k.abs(x))),
  partials: [({ y }) => square(sub(1, abs(y)))],
});
const x = unknown('x');
const recognized = rule({
  name: 'softsign',
  class: 'exact',
  pattern: terms.div(x, terms.add(1, terms.abs(x))),
  replacement: applied(softsign.declaration.operation!, [x]),
});
const c = number('c');
const shrunk = rule({
  name: 'positive multiple within softsign',
  class: 'fastMath',
  pattern: terms.div(terms.mul(c, x), terms.add(1, terms.abs(terms.mul(c, x)))),
  where: ({ numbers: { c } }) => c > 0,                          // where the rule is right
  replacement: applied(softsign.declaration.operation!, [terms.mul(c, x)]),
});

const v = input([3], { name: 'v' });
const trace: RewriteStep[] = [];
const z = simplify(div(v, add(abs(v), 1)), { rules: [recognized, shrunk, ...defaultRules], trace });
console.log(trace.map(({ rule, before, after }) => \`\${rule}: \${before} -> \${after}\`).join()); // softsign: div(v, add(abs(v), 1)) -> softsign(v)
console.log(print(z).includes('softsign'));                      // true
\`\`\`

## The rules

What follows is written by the tests, which hold every rule to its class: that it fires on its examples and leaves nothing to do; that both sides have the same
numbers on random draws, in each dtype that it is for, and, unless it is \`fastMath\`, at zeros, infinities, NaN and the ends of the range; that the compiled
program agrees; that derivatives agree to second order; and that it makes nothing dearer. *Dtypes*: \`float\` (float32 and float64), \`number\` (also int32 and uint8),
\`any\` (also bool). *For example* shows a step from a run, where it says more than the rule. \`?\` is worked out from what the pattern has found.
\`UPDATE_DOCS=1 npx vitest run test/rewrite/documentation.test.ts\` writes the page anew.
`;

const COLUMNS = ['Rule', 'Class', 'Dtypes', 'What becomes what', 'For example'];

/** The step of a rule in the first of its examples in which it takes one. */
function stepOfRule(rule: Rule): RewriteStep | undefined {
  for (const each of casesOf(rule)) {
    const trace: RewriteStep[] = [];
    rewritten(rule, drawCase(each).outputs, trace);
    const step = trace.find((one) => one.rule === rule.name);
    if (step !== undefined) return step;
  }
  return undefined;
}

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

/** A rule's own text is code where it is made of terms, and prose with code in it where it says something else. */
function sides(rule: Rule): string {
  return rule.says === undefined ? code(ruleText(rule)) : rule.says.replaceAll('|', '\\|');
}

function line(rule: Rule): string {
  const step = stepOfRule(rule);
  const text = step === undefined ? '' : `${step.before} -> ${step.after}`;
  const example = text === ruleText(rule) || text === '' ? '' : code(text);
  return `| ${[rule.name, rule.class, rule.dtypes, sides(rule), example].join(' | ')} |`;
}

/** The whole page. */
export function renderRewrites(): string {
  const sections = Object.entries(allFamilies)
    .filter(([, rules]) => rules.length > 0)
    .map(([family, rules]) =>
      [
        `### ${family[0].toUpperCase()}${family.slice(1)}`,
        '',
        ABOUT[family] ?? '',
        '',
        `| ${COLUMNS.join(' | ')} |`,
        `|${COLUMNS.map(() => '---|').join('')}`,
        ...rules.map(line),
      ].join('\n'),
    );
  return `${[HEADER, ...sections].join('\n\n').replaceAll('\n\n\n', '\n\n')}\n`;
}

/** Families that the page does not introduce. */
export function familiesWithoutIntroduction(): string[] {
  return Object.keys(allFamilies).filter((family) => !(family in ABOUT));
}
