import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Shift, shiftPictures } from '../../src/cli/augment.ts';
import { run } from '../../src/cli/program.ts';
import { Random } from '../../src/data/index.ts';
import { tensor } from '../../src/graph/index.ts';
import { chainrule, complaint, temporaryDirectory } from './command.ts';

const directory = temporaryDirectory();
const out = join(directory, 'run');
const train = [
  'train',
  '--data',
  directory,
  '--layers',
  '12',
  '--batch',
  '16',
  '--learning-rate',
  '0.01',
  '--out',
  out,
];

/** An IDX file of bytes. */
function writeIDX(name: string, shape: readonly number[], bytes: Uint8Array): void {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((extent, axis) => {
    header.writeUInt32BE(extent, 4 + 4 * axis);
  });
  writeFileSync(join(directory, name), Buffer.concat([header, bytes]));
}

/** Pictures of 6 x 6 pixels: a bright bar that lies (0) or stands (1), somewhere in the middle, in noise. */
function writePart(prefix: string, count: number, seed: number): void {
  const random = new Random(seed);
  const labels = Uint8Array.from({ length: count }, () => random.integer(2));
  const pixels = Uint8Array.from({ length: count * 36 }, () => random.integer(60));
  labels.forEach((label, i) => {
    const place = 2 + random.integer(2);
    for (let k = 1; k < 5; k++) pixels[i * 36 + (label === 0 ? place * 6 + k : k * 6 + place)] = 255;
  });
  writeIDX(`${prefix}-images-idx3-ubyte`, [count, 6, 6], pixels);
  writeIDX(`${prefix}-labels-idx1-ubyte`, [count], labels);
}

beforeAll(async () => {
  writePart('train', 300, 1);
  writePart('t10k', 100, 2);
  const { code, out: log, err } = await chainrule(...train, '--epochs', '15');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(log).toContain('300 examples to train on, 100 held out');
  expect(log).toContain('pictures moved by up to 1 pixel');
  expect(Number(/\ntest accuracy: (\d\.\d+)\n$/.exec(log)?.[1])).toBeGreaterThan(0.95);
}, 60_000);

test('predict takes the directory, or one file of pictures', async () => {
  const weights = ['--weights', join(out, 'weights.safetensors')];
  const all = await chainrule('predict', ...weights, '--data', directory);
  expect(all.out).toMatch(/held-out examples: 100 examples\n/);
  expect(Number(/accuracy: (\d\.\d+)\n$/.exec(all.out)?.[1])).toBeGreaterThan(0.95);
  const one = await chainrule('predict', ...weights, join(directory, 't10k-images-idx3-ubyte'), '--json');
  const same = await chainrule('predict', ...weights, '--data', directory, '--json');
  const { predictions } = JSON.parse(same.out)[0];
  expect(JSON.parse(one.out)[0].predictions).toEqual(predictions.map(({ label: _, ...rest }: any) => rest));
  expect(predictions).toHaveLength(100);
});

test('what cannot be moved, or not so far', async () => {
  expect(await complaint(...train, '--shift', '6')).toMatch(/6 x 6 pixels would move out of sight/);
  const table = join(directory, 'table.csv');
  writeFileSync(table, 'a,label\n1,x\n2,y\n3,x\n');
  expect(await complaint('train', '--data', table, '--shift', '1')).toMatch(
    /--shift 1: the examples are no pictures/,
  );
});

test('where a person watches, a bar goes to stderr and lines to stdout', async () => {
  let text = '';
  let bar = '';
  const code = await run([...train, '--epochs', '2'], {
    stdout: { write: (part: string) => (text += part) },
    stderr: { write: (part: string) => (bar += part), isTTY: true, columns: 80 },
  });
  expect(code).toBe(0);
  expect(bar).toContain('epoch 2/2');
  expect(text.match(/^epoch \d\/2 /gm)).toHaveLength(2);
});

test('pictures move as wholes, the background comes in', () => {
  const shift: Shift = { picture: [3, 4], pixels: 1, background: -1 };
  const picture = [
    [0, 0, 0, 0],
    [0, 1, 2, 0],
    [0, 0, 0, 0],
  ];
  const random = new Random(5);
  const places = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const { data } = shiftPictures(tensor([picture.flat()]), shift, random);
    const one = data.indexOf(1);
    const [down, across] = [Math.floor(one / 4) - 1, (one % 4) - 1];
    places.add(`${down} ${across}`);
    const expected = picture.map((row, r) => row.map((_, c) => picture[r - down]?.[c - across] ?? -1));
    expect([...data]).toEqual(expected.flat());
  }
  expect(places.size).toBe(9);
});
