import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Run } from '../src/lib/api/types';
import { visible } from '../src/lib/tokens';
import { Studio } from './studio';
import { openBrowser, record, Tab } from './tab';

const steps = 12;
// Small, so that a slow machine trains it in seconds; of several sentences, so that there is something to learn.
const text = Array.from({ length: 240 }, (_, i) => `The ${['king', 'queen', 'fox', 'miller'][i % 4]} of ${['the wood', 'the hill', 'the sea'][i % 3]} had ${i % 7} ${['cats', 'hens', 'sons', 'bells', 'loaves'][i % 5]}.\n`).join('');
const prompt = 'The king of the';

interface Info {
  run: string;
  seed: number;
  state: string;
  step: number;
  checkpoints: number[];
}

let browser: Browser, studio: Studio, tab: Tab;
beforeAll(async () => {
  studio = await Studio.start();
  browser = await openBrowser();
  tab = await Tab.open(browser, studio, `#/train?new=1&prompt=${encodeURIComponent(prompt)}`);
});
afterAll(async () => {
  await browser?.close();
  await studio?.close();
});

function runs(): Promise<Info[]> {
  return studio.get<{ runs: Info[] }>('train').then((list) => list.runs);
}

/** What the panel says that comes next, of one of the runs on screen. */
async function predictions(step: number, sides = 1): Promise<{ text: string; p: number }[][]> {
  await tab.until(
    (s, n) => {
      const tags = [...document.querySelectorAll('.views section:first-child .tag')].map((e) => e.textContent ?? '');
      return tags.length === n && tags.every((t) => t.endsWith(`step ${s}`)) && document.querySelector('.views')?.getAttribute('aria-busy') !== 'true';
    },
    step, sides
  );
  return Promise.all(Array.from({ length: sides }, (_, i) => tab.bars(`.views section:first-child .side:nth-child(${i + 1})`)));
}

async function wanted(run: string, step: number): Promise<{ text: string; p: number }[]> {
  const found = await studio.post<Run>('run', { model: `train:${run}@${step}`, prompt });
  return found.prediction.slice(0, 6).map((c) => ({ text: visible(c), p: c.p }));
}

async function set(selector: string, value: string): Promise<void> {
  await tab.page.$eval(selector, (e, v) => {
    (e as HTMLInputElement).value = v;
    e.dispatchEvent(new Event('input', { bubbles: true }));
  }, value);
}

async function done(count: number): Promise<void> {
  await tab.until((n) => [...document.querySelectorAll('section.run [role=status]')].filter((e) => e.textContent?.trim().endsWith(' done')).length === n, count);
}

test('a run from the page goes to its end', async () => {
  const began = Date.now();
  await tab.press('your own');
  await set('textarea.field:not(#prompt)', text);
  await set('input[aria-label="Steps"]', String(steps));
  await tab.page.click('form details summary');
  for (const [name, value] of [['texts per step', '4'], ['tokens per text', '32'], ['vocabulary', '300']] as const) {
    await tab.page.evaluate((n, v) => {
      const input = [...document.querySelectorAll('label')].find((e) => e.textContent?.includes(n))!.querySelector('input')!;
      input.value = v;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }, name, value);
  }
  await tab.press('Start training');
  await done(1);
  record(`${steps} steps of nano, with its start`, `${((Date.now() - began) / 1000).toFixed(1)} s`);
  const [run] = await runs();
  expect(run).toMatchObject({ state: 'done', step: steps });
  expect(run!.checkpoints[0]).toBe(0);
  expect(run!.checkpoints.at(-1)).toBe(steps);
  expect(tab.problems).toEqual([]);
});

test('scrubbing shows what it would have said then', async () => {
  const [run] = await runs();
  const last = await predictions(steps);
  expect(last[0]).toEqual(await wanted(run!.run, steps));
  await tab.page.focus('input[aria-label="Checkpoint"]');
  await tab.page.keyboard.press('Home');
  const first = await predictions(0);
  expect(first[0]).toEqual(await wanted(run!.run, 0));
  expect(first).not.toEqual(last);
  await tab.page.keyboard.press('ArrowRight');
  const second = await predictions(run!.checkpoints[1]!);
  expect(second[0]).toEqual(await wanted(run!.run, run!.checkpoints[1]!));
  await tab.page.keyboard.press('End');
  expect(await predictions(steps)).toEqual(last);
  expect(tab.problems).toEqual([]);
});

test('another seed beside it learns something else', async () => {
  await tab.press('Shake the fabric again');
  await done(2);
  const [second, first] = await runs();
  expect(second!.seed).not.toBe(first!.seed);
  const both = await predictions(steps, 2);
  expect(both[0]).toEqual(await wanted(first!.run, steps));
  expect(both[1]).toEqual(await wanted(second!.run, steps));
  expect(both[0]).not.toEqual(both[1]);
  expect(tab.problems).toEqual([]);
});
