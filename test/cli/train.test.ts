import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random, readSafetensors } from '../../src/data/index.ts';
import { chainrule, complaint, temporaryDirectory } from './command.ts';

const directory = temporaryDirectory();
const file = (name: string): string => join(directory, name);

function write(name: string, rows: readonly (readonly (string | number)[])[]): string {
  writeFileSync(file(name), rows.map((row) => `${row.join(',')}\n`).join(''));
  return file(name);
}

/** Three well separated clouds of points, on scales that differ by a thousand. */
function fruit(count: number, seed: number): (string | number)[][] {
  const random = new Random(seed);
  const centres = { apple: [0, 4], pear: [4, 0], fig: [-4, -4] };
  const names = Object.keys(centres) as (keyof typeof centres)[];
  return Array.from({ length: count }, () => {
    const kind = names[random.integer(3)];
    const [a, b] = centres[kind];
    return [random.normal(a, 0.7).toFixed(4), (1000 * random.normal(b, 0.7)).toFixed(1), kind];
  });
}

const HEADER = ['width', 'weight', 'kind'];

describe('a table', () => {
  const out = file('fruit-run');
  const train = [
    'train',
    '--quick',
    '--layers',
    '16',
    '--epochs',
    '20',
    '--label',
    'kind',
    '--learning-rate',
    '0.01',
  ];
  let log = '';

  beforeAll(async () => {
    const data = write('fruit.csv', [HEADER, ...fruit(400, 1)]);
    const { code, out: text, err } = await chainrule(...train, '--data', data, '--out', out);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    log = text;
  }, 60_000);

  test('is learnt, in plain lines', () => {
    expect(log).toMatch(/^data {7}fruit\.csv: 320 examples to train on, 80 held out, 3 classes$/m);
    expect(log.match(/^epoch +\d+\/20 {2}loss /gm)).toHaveLength(20);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
    expect(log).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
    const accuracy = Number(/\ntest accuracy: (\d\.\d{4})\n$/.exec(log)?.[1]);
    expect(accuracy).toBeGreaterThan(0.95);
  });

  test('weights carry what is needed to use them', () => {
    const { tensors, metadata } = readSafetensors(
      new Uint8Array(readFileSync(join(out, 'weights.safetensors'))),
    );
    expect([...tensors.values()].map(({ shape }) => shape.join('x')).sort()).toEqual([
      '16',
      '16x3',
      '2x16',
      '3',
    ]);
    expect(metadata).toMatchObject({ layers: '2-16-3', activation: 'relu', seed: '0', label: 'kind' });
    expect(JSON.parse(metadata.classes)).toEqual(['apple', 'fig', 'pear']);
    expect(JSON.parse(metadata.features)).toEqual(['width', 'weight']);
    expect(JSON.parse(metadata.normalisation).deviation[1]).toBeGreaterThan(1000);
  });

  test('the history has every epoch and step', () => {
    const history = JSON.parse(readFileSync(join(out, 'history.json'), 'utf8'));
    expect(history.epochs).toHaveLength(20);
    expect(history.steps).toHaveLength(20 * 5);
    expect(history.test.confusion.flat().reduce((a: number, b: number) => a + b)).toBe(80);
    expect(history.command).toContain('--layers 2-16-3');
  });

  test('new rows are classified, whatever the order of the columns', async () => {
    const rows = fruit(60, 2);
    const data = write('new.csv', [
      ['kind', 'weight', 'id', 'width'],
      ...rows.map(([w, g, k], i) => [k, g, i, w]),
    ]);
    const { code, out: text } = await chainrule(
      'predict',
      '--weights',
      join(out, 'weights.safetensors'),
      data,
    );
    expect(code).toBe(0);
    expect(text).toContain('new.csv: 60 examples');
    expect(text).toContain('... and 40 more (--limit 60 lists them)');
    expect(Number(/accuracy: (\d\.\d+)\n$/.exec(text)?.[1])).toBeGreaterThan(0.95);
  });

  test('rows without labels, as JSON', async () => {
    const data = write('unlabelled.csv', [HEADER.slice(0, 2), [0, 4000], [4, 0], [-4, -4000]]);
    const weights = join(out, 'weights.safetensors');
    const { out: text } = await chainrule('predict', '--weights', weights, '--data', data, '--json');
    const [answer] = JSON.parse(text);
    expect(answer.predictions.map((each: { prediction: string }) => each.prediction)).toEqual([
      'apple',
      'pear',
      'fig',
    ]);
    expect(answer).not.toHaveProperty('accuracy');
  });

  test('the same seed gives the same weights, another seed others', async () => {
    const weightsOf = async (name: string, seed: string): Promise<Buffer> => {
      await chainrule(...train, '--data', file('fruit.csv'), '--out', file(name), '--seed', seed);
      return readFileSync(join(file(name), 'weights.safetensors'));
    };
    const first = readFileSync(join(out, 'weights.safetensors'));
    expect((await weightsOf('again', '0')).equals(first)).toBe(true);
    expect((await weightsOf('other', '1')).equals(first)).toBe(false);
  }, 60_000);

  test.each([
    [
      'no such weights',
      ['--weights', 'nowhere.safetensors', 'x.csv'],
      /--weights nowhere\.safetensors: no such file/,
    ],
    ['no such file', ['x.csv'], /x\.csv: no such file/],
    ['nothing to predict', [], /nothing to predict/],
  ])('predict, %s', async (_, argv, message) => {
    const weights = argv.includes('--weights') ? [] : ['--weights', join(out, 'weights.safetensors')];
    expect(await complaint('predict', ...weights, ...argv)).toMatch(message);
  });

  test('predict, a column that is missing', async () => {
    const data = write('narrow.csv', [['width'], [1]]);
    const message = await complaint('predict', '--weights', join(out, 'weights.safetensors'), data);
    expect(message).toMatch(/narrow\.csv: there is no column "weight"/);
  });

  test('predict, a class the network does not know', async () => {
    const data = write('plum.csv', [HEADER, [1, 2, 'plum']]);
    const message = await complaint('predict', '--weights', join(out, 'weights.safetensors'), data);
    expect(message).toMatch(/the label "plum" is none of the network's classes \(apple, fig, pear\)/);
  });
});

describe('one line for data that cannot be used', () => {
  const good = ['1', '2', 'x'];
  const cases: [
    what: string,
    name: string,
    rows: (string | number)[][],
    options: string[],
    message: RegExp,
  ][] = [
    ['empty', 'empty.csv', [], [], /empty\.csv: the file is empty/],
    ['a header alone', 'header.csv', [HEADER], [], /no rows below the header/],
    [
      'a missing column',
      'column.csv',
      [HEADER, good],
      ['--label', 'kinds'],
      /no column "kinds"; the columns are width, weight, kind; did you mean kind\?/,
    ],
    [
      'a NaN label',
      'nan.csv',
      [HEADER, good, [1, 2, 'NaN']],
      [],
      /row 2 \(line 3\): the label in column "kind" is NaN/,
    ],
    [
      'an empty label',
      'blank.csv',
      [HEADER, good, [1, 2, '']],
      [],
      /row 2 \(line 3\): the label in column "kind" is empty/,
    ],
    [
      'a cell that is no number',
      'text.csv',
      [HEADER, good, [1, 'two', 'y']],
      [],
      /row 2 \(line 3\), column "weight": "two" is not a finite number/,
    ],
    [
      'a cell that is NaN',
      'cell.csv',
      [HEADER, good, ['nan', 1, 'y']],
      [],
      /column "width": "nan" is not a finite number/,
    ],
    ['rows of different lengths', 'ragged.csv', [HEADER, good, [1, 2]], [], /expect 3, got 2 on line 3/],
    [
      'no header',
      'numbers.csv',
      [
        [1, 2, 0],
        [1, 2, 1],
      ],
      [],
      /the first row must name the columns/,
    ],
    ['two columns of one name', 'twice.csv', [['a', 'a', 'kind'], good], [], /two columns are called "a"/],
    ['one class', 'one.csv', [HEADER, good, good], [], /one class only \(x\)/],
    [
      'no classes',
      'real.csv',
      [HEADER, ...Array.from({ length: 30 }, (_, i) => [1, 2, i / 7])],
      [],
      /30 different values in 30 rows/,
    ],
    ['nothing but labels', 'labels.csv', [['kind'], ['x'], ['y']], [], /no column beside the label/],
    ['all held out', 'small.csv', [HEADER, good, [1, 2, 'y']], ['--test', '2'], /hold out 1 to 1/],
    [
      'layers that do not fit',
      'layers.csv',
      [HEADER, good, [3, 4, 'y']],
      ['--layers', '3-4-2'],
      /2 inputs, not 3; use 2-4-2/,
    ],
    [
      'too large a batch',
      'batch.csv',
      [HEADER, good, [3, 4, 'y'], good],
      ['--batch', '9'],
      /only 2 examples to train on/,
    ],
  ];
  test.each(cases)('%s', async (_, name, rows, options, message) => {
    const data = write(name, rows);
    expect(await complaint('train', '--data', data, '--out', file('unused'), ...options)).toMatch(message);
  });

  test('steps so long that the loss is no number', async () => {
    const data = write('far.csv', [HEADER, ...fruit(100, 3)]);
    const steep = ['--optimizer', 'sgd', '--learning-rate', '1e30', '--epochs', '5'];
    const { code, err } = await chainrule('train', '--data', data, '--out', file('unused'), ...steep);
    expect(code).toBe(2);
    expect(err).toMatch(
      /^chainrule: the loss became (NaN|Infinity) in epoch \d, step \d+: .*try --learning-rate 1e\+29\n$/,
    );
  });

  test('no such file', async () => {
    expect(await complaint('train', '--data', 'nowhere.csv')).toMatch(
      /--data nowhere\.csv: no such file or directory/,
    );
  });

  test('no kind of data', async () => {
    const data = write('table.txt', [HEADER]);
    expect(await complaint('train', '--data', data)).toMatch(/not a \.csv file/);
  });

  test('a label column for digits', async () => {
    expect(await complaint('train', '--label', 'x')).toMatch(/only a CSV file has a label column/);
  });

  test('a directory without digits', async () => {
    expect(await complaint('train', '--data', directory)).toMatch(/train-images/);
  });
});

test('--profile shows the kernels of a step, writes their trace, and changes nothing else', async () => {
  const data = write('profiled.csv', [HEADER, ...fruit(100, 2)]);
  const trace = file('trace.json');
  const train = ['train', '--data', data, '--label', 'kind', '--layers', '16', '--epochs', '2'];
  const plain = await chainrule(...train, '--out', file('plain'));
  const measured = await chainrule(...train, '--out', file('profiled'), '--profile', trace);
  expect({ code: measured.code, err: measured.err }).toEqual({ code: 0, err: '' });
  expect(measured.out).toMatch(/^ *time +% .*GFLOP\/s.*operations.*extents$/m);
  expect(measured.out).toMatch(/ matmul .*float32 \[64, 2\] x \[2, 16\]$/m);
  expect(measured.out).toContain(`trace written to ${trace}`);
  const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8'));
  expect(traceEvents.length).toBeGreaterThan(5);
  const weights = (run: string): Buffer => readFileSync(join(file(run), 'weights.safetensors'));
  expect(weights('profiled')).toEqual(weights('plain'));
  expect(plain.out).not.toContain('GFLOP/s');
}, 60_000);

test('--profile into a directory that is not there is refused', async () => {
  const data = write('refused.csv', [HEADER, ...fruit(100, 2)]);
  const path = join(file('nowhere'), 'trace.json');
  const { code, err } = await chainrule('train', '--data', data, '--out', file('refused'), '--profile', path);
  expect(code).toBe(2);
  expect(err).toContain(`--profile ${path}: cannot write the trace`);
});
