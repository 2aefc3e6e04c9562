import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chainrule, temporaryDirectory } from './command.ts';

const CHROMIUM = '/usr/bin/chromium';
const directory = temporaryDirectory();
const report = join(directory, 'report.html');
const weights = join(directory, 'weights.safetensors');

beforeAll(async () => {
  const { code, out, err } = await chainrule('train', '--quick', '--out', directory);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(Number(/\ntest accuracy: (\d\.\d+)\n$/.exec(out)?.[1])).toBeGreaterThan(0.85);
}, 120_000);

test('one file that loads nothing', () => {
  const html = readFileSync(report, 'utf8');
  expect(html).toContain('<html lang="en">');
  expect(html).toMatch(/<title>mnist: 784-128-10 - training report<\/title>/);
  expect(html).not.toMatch(/<(script|link|img)[^>]+(src|href)="(?!data:)/);
  expect(html).toContain('--layers 784-128-10');
  for (const image of html.match(/<img [^>]*>/g) ?? [])
    expect(image).toMatch(/alt="Held-out example \d+: a \d, predicted \d"/);
});

test('predict measures on the digits that training held out', async () => {
  const { out } = await chainrule('predict', '--weights', weights, '--data', 'mnist', '--limit', '3');
  expect(out).toMatch(/^mnist, held-out examples: [\d,]+ examples\n/);
  expect(out.split('\n').filter((line) => /^ +\d+ {2}\d/.test(line))).toHaveLength(3);
  expect(Number(/accuracy: (\d\.\d+)\n$/.exec(out)?.[1])).toBeGreaterThan(0.85);
}, 60_000);

describe.skipIf(!existsSync(CHROMIUM) && !process.env.CI)('in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: existsSync(CHROMIUM) ? CHROMIUM : undefined,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  }, 60_000);

  afterAll(() => browser?.close());

  async function open(scheme: 'light' | 'dark'): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({ colorScheme: scheme });
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) complaints.push(`asks for ${request.url()}`);
    });
    await page.goto(`file://${report}`);
    return { page, complaints };
  }

  test.each(['light', 'dark'] as const)(
    'opens without complaints, %s',
    async (scheme) => {
      const { page, complaints } = await open(scheme);
      await page.waitForSelector('#accuracy-chart canvas');
      await page.locator('#loss-chart .u-over').hover();
      expect(await page.locator('canvas').count()).toBe(2);
      expect(await page.locator('.confusion tbody tr').count()).toBe(10);
      expect(await page.locator('.examples li').count()).toBeGreaterThan(20);
      const sizes = await page
        .locator('.examples img')
        .evaluateAll((images) =>
          (images as HTMLImageElement[]).map((image) => [image.naturalWidth, image.naturalHeight].join('x')),
        );
      expect(new Set(sizes)).toEqual(new Set(['28x28']));
      const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(paper).toBe(scheme === 'light' ? 'rgb(247, 248, 250)' : 'rgb(18, 22, 28)');
      expect(complaints).toEqual([]);
      await page.close();
    },
    60_000,
  );

  test('fits a narrow window', async () => {
    const { page } = await open('light');
    await page.setViewportSize({ width: 380, height: 800 });
    await page.waitForTimeout(200);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await page.close();
  }, 60_000);
});
