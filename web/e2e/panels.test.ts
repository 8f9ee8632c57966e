import axe from 'axe-core';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Studio } from './studio';
import { desk, openBrowser, phone, record, Tab } from './tab';

const prompt = 'prompt=To%20be%2C%20or%20not%20to%20be';

/** Every panel in every one of its views. */
const places = {
  chat: '#/chat?say=Once%20upon%20a%20time&seed=1&max=24',
  'chat, empty': '#/chat',
  flow: `#/flow?${prompt}&layer=2&mode=audit`,
  'flow, empty': '#/flow',
  lens: `#/lens?${prompt}`,
  'lens, why': `#/lens?${prompt}&view=why`,
  'lens, heads': `#/lens?${prompt}&view=heads`,
  'lens, change': `#/lens?${prompt}&view=change&out=head%201.1`,
  words: `#/words?${prompt}`,
  train: '#/train',
  'train, new': '#/train?new=1',
  model: '#/model',
  'model, tensor': '#/model?tensor=blk.2.attn_q.weight',
  tour: '#/tour',
  'tour, in a panel': `#/flow?${prompt}&tour=attention`
};

let browser: Browser, studio: Studio;
beforeAll(async () => {
  studio = await Studio.start();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await studio?.close();
});

describe.each([
  { size: desk, theme: 'light' },
  { size: desk, theme: 'dark' },
  { size: phone, theme: 'light' },
  { size: phone, theme: 'dark' }
] as const)('$size.width × $size.height, $theme', ({ size, theme }) => {
  let tab: Tab;
  beforeAll(async () => {
    tab = await Tab.open(browser, studio, '', { size, theme });
  });
  afterAll(() => tab?.close());

  test.each(Object.entries(places))('%s', async (name, hash) => {
    await tab.go(hash);
    if (name === 'chat') await tab.says('a second');
    expect(tab.problems, 'what the browser complained of').toEqual([]);
    const wide = await tab.page.evaluate(() => ({ page: document.documentElement.scrollWidth, window: innerWidth }));
    expect(wide.page, 'the page scrolls sideways').toBeLessThanOrEqual(wide.window);
    const nodes = await tab.nodes();
    expect(nodes).toBeLessThan(5000);
    if (theme === 'light' && size === desk) record(`DOM nodes of ${name}`, String(nodes));
    expect(await faults(tab)).toEqual([]);
  });
});

test('the first paint comes soon', async () => {
  const paints: number[] = [];
  for (let i = 0; i < 5; i++) {
    const tab = await Tab.open(browser, studio, '#/tour');
    paints.push(await tab.page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity));
    await tab.close();
  }
  record('first contentful paint, best of five', `${Math.round(Math.min(...paints))} ms`);
  // 300 ms is meant; a shared machine gets three times that, and what it reaches is on record.
  expect(Math.min(...paints)).toBeLessThan(900);
});

/** Serious and critical violations, each with where. */
async function faults(tab: Tab): Promise<string[]> {
  if (!(await tab.page.evaluate(() => 'axe' in window))) await tab.page.evaluate(axe.source);
  const found = await tab.page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document, { resultTypes: ['violations'] });
    return violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
      .flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.target.join(' ')}: ${node.failureSummary?.split('\n')[1] ?? ''}`));
  });
  return found;
}

