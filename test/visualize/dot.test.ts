import { expect, test } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { constant, input, parameter, tensor, type Variable } from '../../src/graph/index.ts';
import { registry } from '../../src/operations/index.ts';
import { toDOT } from '../../src/visualize/index.ts';

const { add, maxWithIndex, mul, sin, square, sum } = registry;
const FORWARD = '#dcebfa';
const BACKWARD = '#ffe8cc';

/** z = x y + sin x, as `chainrule graph` draws it. */
function example(): { z: Variable; dx: Variable; dy: Variable } {
  const x = input([], { name: 'x' });
  const y = input([], { name: 'y' });
  const z = add(mul(x, y), sin(x));
  const [dx, dy] = gradients(z, [x, y]);
  return { z, dx, dy };
}

/** The attributes of each node, by the text of its label. */
function nodes(dot: string): { label: string; line: string }[] {
  return dot
    .split('\n')
    .filter((line) => /^ {2}[vocr]\d+ \[/.test(line))
    .map((line) => ({ label: /label=<(.*?)>, fillcolor/.exec(line)![1].replace(/<[^>]*>/g, ''), line }));
}

test('x y + sin x with its gradients, line by line', () => {
  const { z, dx, dy } = example();
  const dot = toDOT({ z }, { backward: { 'dz/dx': dx, 'dz/dy': dy }, legend: false });
  const places = dot.replace(/, at [\w.]+:\d+/g, '');
  expect(places).toMatchInlineSnapshot(`
    "digraph chainrule {
      graph [rankdir=TB, bgcolor="#ffffff", pad=0.3, nodesep=0.3, ranksep=0.42, fontname="Helvetica"]
      node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=12, height=0.36, margin="0.14,0.06", penwidth=1.2]
      edge [fontname="Helvetica", fontsize=9, fontcolor="#5a6672", arrowsize=0.6, penwidth=1.1]
      v0 [label=<<b>x</b>>, fillcolor="#dcebfa", color="#2f6fb0", fontcolor="#12304f", shape=ellipse, tooltip="input float32[]"]
      v1 [label=<<b>y</b>>, fillcolor="#dcebfa", color="#2f6fb0", fontcolor="#12304f", shape=ellipse, tooltip="input float32[]"]
      o2 [label=<<b>mul</b>>, fillcolor="#dcebfa", color="#2f6fb0", fontcolor="#12304f", tooltip="mul: float32[]"]
      v0 -> o2 [color="#2f6fb0b0", edgetooltip="float32[]"]
      v1 -> o2 [color="#2f6fb0b0", edgetooltip="float32[]"]
      o3 [label=<<b>sin</b>>, fillcolor="#dcebfa", color="#2f6fb0", fontcolor="#12304f", tooltip="sin: float32[]"]
      v0 -> o3 [color="#2f6fb0b0", edgetooltip="float32[]"]
      o4 [label=<<b>add</b>>, fillcolor="#dcebfa", color="#2f6fb0", fontcolor="#12304f", tooltip="add: float32[]"]
      o2 -> o4 [color="#2f6fb0b0", edgetooltip="float32[]"]
      o3 -> o4 [color="#2f6fb0b0", edgetooltip="float32[]"]
      o5 [label=<<b>cos</b>>, fillcolor="#ffe8cc", color="#c2660a", fontcolor="#4a2600", tooltip="cos: float32[]"]
      v0 -> o5 [color="#c2660ab0", edgetooltip="float32[]"]
      o6 [label=<<b>add</b>>, fillcolor="#ffe8cc", color="#c2660a", fontcolor="#4a2600", tooltip="add: float32[]"]
      o5 -> o6 [color="#c2660ab0", edgetooltip="float32[]"]
      v1 -> o6 [color="#c2660ab0", edgetooltip="float32[]"]
      r0 [label=<<b>z</b>>, fillcolor="#2f6fb0", color="#2f6fb0", fontcolor="#ffffff", tooltip="add float32[]"]
      o4 -> r0 [color="#2f6fb0b0", edgetooltip="float32[]"]
      r1 [label=<<b>dz/dx</b>>, fillcolor="#c2660a", color="#c2660a", fontcolor="#ffffff", tooltip="add float32[]"]
      o6 -> r1 [color="#c2660ab0", edgetooltip="float32[]"]
      r2 [label=<<b>dz/dy</b>>, fillcolor="#c2660a", color="#c2660a", fontcolor="#ffffff", tooltip="input x float32[]"]
      v0 -> r2 [color="#c2660ab0", edgetooltip="float32[]"]
    }
    "
  `);
});

test('ancestors of the forward results are blue, what gradients added is orange', () => {
  const { z, dx, dy } = example();
  const drawn = nodes(toDOT([z, dx, dy], { forward: [z], backward: [dx, dy] }));
  const colours = drawn.map(({ label, line }) => [label, line.includes(FORWARD) ? 'forward' : 'other']);
  expect(
    colours.filter(([label]) => ['mul', 'sin', 'x', 'y'].includes(label)).every(([, c]) => c === 'forward'),
  ).toBe(true);
  const cosine = drawn.find(({ label }) => label === 'cos');
  expect(cosine?.line).toContain(BACKWARD);
});

test('a result listed under several options is drawn once', () => {
  const { z, dx, dy } = example();
  const dot = toDOT([z, dx, dy], { forward: [z], backward: [dx, dy] });
  expect(nodes(dot).filter(({ label }) => label.startsWith('result'))).toHaveLength(3);
});

test('without gradients there is no backward part, nor a legend for it', () => {
  const { z } = example();
  const dot = toDOT(z);
  expect(dot).not.toContain(BACKWARD);
  expect(dot).toContain('forward');
  expect(dot).not.toContain('backward');
});

test('leaves show their kind, edges their shape', () => {
  const x = input([4, 3], { name: 'x' });
  const w = parameter(tensor([1, 2, 3]), { name: 'w' });
  const c = constant([0.5, 0.25, 0.125]);
  const dot = toDOT(sum(mul(add(mul(x, w), c), 2), 0));
  const find = (label: string): string => nodes(dot).find((node) => node.label === label)?.line ?? '';
  expect(find('x')).toContain('shape=ellipse');
  expect(find('w')).toContain('peripheries=2');
  expect(find('[0.5, 0.25, 0.125]')).toContain('dashed');
  expect(find('2')).toContain('dashed');
  expect(dot).toContain('label=" 4 × 3"');
  expect(dot).toContain('axes=[0]');
  expect(dot).toMatch(/tooltip="mul: float32\[4, 3\], at dot\.test\.ts:\d+"/);
});

test('outputs of one operation are told apart', () => {
  const [most, where] = maxWithIndex(input([5], { name: 'x' }));
  const dot = toDOT({ most, where });
  expect(dot).toContain('label=" output 0 "');
  expect(dot).toContain('label=" output 1 "');
});

test('names are escaped', () => {
  const dot = toDOT({ '<a> & "b"': square(input([], { name: '"<&>"' })) }, { title: 'f < "g"' });
  expect(dot).toContain('<b>&lt;a&gt; &amp; "b"</b>');
  expect(dot).toContain('<b>"&lt;&amp;&gt;"</b>');
  expect(dot).toContain('<b>f &lt; "g"</b>');
});

test('equal graphs give equal text', () => {
  const draw = (): string => {
    const { z, dx, dy } = example();
    return toDOT({ z }, { backward: { dx, dy } });
  };
  expect(draw()).toBe(draw());
});

test('a graph 30,000 operations deep is drawn', () => {
  let x: Variable = input([], { name: 'x' });
  for (let i = 0; i < 30_000; i++) x = sin(x);
  expect(toDOT(x).split('\n').length).toBeGreaterThan(60_000);
});
