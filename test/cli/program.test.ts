import { expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { chainrule, complaint } from './command.ts';

test.each([[[]], [['--help']], [['help']]])('%j shows what there is', async (argv) => {
  const { code, out, err } = await chainrule(...argv);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  for (const command of ['train', 'predict', 'grad', 'graph'])
    expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  expect(out).toContain('Examples:');
});

test.each(['train', 'predict', 'grad', 'graph'])('%s --help teaches with examples', async (command) => {
  const { code, out } = await chainrule(command, '--help');
  expect(code).toBe(0);
  expect(out).toContain(`Usage: chainrule ${command}`);
  expect(out).toContain(`\n  chainrule ${command} `);
});

test('the version', async () => {
  expect((await chainrule('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each([
  [['trian'], /unknown command 'trian' \(Did you mean train\?\)/],
  [['--frobnicate'], /unknown option '--frobnicate'/],
  [['train', '--epocs', '3'], /unknown option '--epocs' \(Did you mean --epochs\?\)/],
  [['train', '--epochs', 'many'], /'--epochs <n>' argument 'many' is invalid\. Give a whole number/],
  [['train', '--learning-rate', '-1'], /Give a number above 0/],
  [['train', '--weight-decay', 'x'], /Give a number of at least 0/],
  [['train', '--optimizer', 'adagrad'], /Allowed choices are sgd, momentum, nesterov, adam, adamw/],
  [['train', 'now'], /too many arguments/],
  [['grad'], /missing required argument 'expression'/],
  [['predict'], /required option '--weights <file>' not specified/],
])('%j: one line, exit code 2', async (argv, message) => {
  expect(await complaint(...argv)).toMatch(message);
});

test('a fault of the program itself shows its stack, exit code 1', async () => {
  let err = '';
  const broken = {
    write: () => {
      throw new TypeError('broken pipe');
    },
  };
  const code = await run(['--help'], { stdout: broken, stderr: { write: (text: string) => (err += text) } });
  expect(code).toBe(1);
  expect(err).toMatch(/^TypeError: broken pipe\n {4}at /);
});
