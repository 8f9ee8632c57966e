import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Candidate, Run } from '../src/lib/api/types';
import { percent } from '../src/lib/format';
import { visible } from '../src/lib/tokens';
import { look, Studio } from './studio';
import { openBrowser, Tab } from './tab';

const prompt = 'To be, or not to be, that is the';
const address = `prompt=${encodeURIComponent(prompt)}&mode=audit`;

interface Effect {
  before: { top: Candidate[]; p: number };
  after: { top: Candidate[]; p: number; kl_bits: number };
}

let browser: Browser, studio: Studio, run: Run, tab: Tab;
beforeAll(async () => {
  studio = await Studio.start();
  browser = await openBrowser();
  run = await studio.post<Run>('run', { prompt });
  tab = await Tab.open(browser, studio, `#/lens?${address}`);
});
afterAll(async () => {
  await browser?.close();
  await studio?.close();
});

const shown = (list: Candidate[]) => list.map((c) => ({ text: visible(c), p: c.p }));

test('the top of the grid is the prediction, at every token', async () => {
  const bars = 'section[aria-label="Likeliest at this depth"]';
  await tab.until((s) => document.querySelectorAll(`${s} .line`).length === 10, bars);
  expect(await tab.bars(bars)).toEqual(shown(run.prediction));

  // The keyboard walks along the top row; what it says there is what the model would say next.
  const ends = look<{ lens: { depths: { readings: { top: { id: number; p: number }[] }[] }[] } }>('-p', prompt, '--lens').lens.depths.at(-1)!.readings;
  expect(ends.at(-1)!.top[0]!.id).toBe(run.prediction[0]!.id);
  const predicted = await Promise.all(run.ids.map((_, i) => studio.post<Run>('run', { ids: run.ids.slice(0, i + 1) })));
  await tab.page.focus('.viewport');
  for (let i = run.ids.length - 2; i >= 0; i--) {
    const [want] = predicted[i]!.prediction;
    expect(ends[i]!.top[0]!.id).toBe(want!.id);
    await tab.page.keyboard.press('ArrowLeft');
    await tab.until((text) => document.querySelector('.viewport [aria-live]')?.textContent?.endsWith(text), `: ${visible(want!)} ${percent(want!.p)}`);
  }
  expect(tab.problems).toEqual([]);
});

test('one click takes a head out, and the answer changes as weft look says', async () => {
  const [layer, head] = [5, 1];
  await tab.go(`#/lens?${address}&view=heads&layer=${layer}&head=${head}`);
  await tab.press('Mark to take out');
  await tab.says(`Without head ${layer}.${head}`);
  await tab.press('See it all');
  await tab.until(() => document.querySelectorAll('section[aria-label="After"] .line').length === 8);

  const told = look<{ ablate: Effect }>('-p', prompt, '--ablate', `head ${layer}.${head}`, '--top', '8').ablate;
  const asked = await studio.post<Effect>(`run/${run.run}/change`, { kind: 'zero', targets: [`head ${layer}.${head}`], continue: 24, top: 8 });
  const before = await tab.bars('section[aria-label="Before"]'), after = await tab.bars('section[aria-label="After"]');
  expect(before).toEqual(shown(asked.before.top));
  expect(after).toEqual(shown(asked.after.top));
  expect(after.map((c) => c.p)).toEqual(told.after.top.map((c) => c.p));
  expect(before).not.toEqual(after);
  expect(before).toEqual(shown(run.prediction.slice(0, 8)));

  await tab.press(`Put head ${layer}.${head} back`);
  await tab.says('Nothing is taken out yet');
  expect(tab.problems).toEqual([]);
});
