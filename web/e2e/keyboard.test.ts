import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Studio } from './studio';
import { openBrowser, Tab } from './tab';

const prompt = 'prompt=To%20be%2C%20or%20not%20to%20be';
const places = {
  chat: '#/chat?say=Once%20upon%20a%20time&seed=1&max=12',
  flow: `#/flow?${prompt}&layer=2`,
  lens: `#/lens?${prompt}`,
  'lens, why': `#/lens?${prompt}&view=why`,
  'lens, heads': `#/lens?${prompt}&view=heads`,
  'lens, change': `#/lens?${prompt}&view=change&out=head%201.1`,
  words: `#/words?${prompt}`,
  'train, new': '#/train?new=1',
  model: '#/model',
  tour: '#/tour'
};

let browser: Browser, studio: Studio, tab: Tab;
beforeAll(async () => {
  studio = await Studio.start();
  browser = await openBrowser();
  tab = await Tab.open(browser, studio, '#/tour', { still: true });
});
afterAll(async () => {
  await browser?.close();
  await studio?.close();
});

describe('Tab reaches every control and shows where it is', () => {
  test.each(Object.entries(places))('%s', async (name, hash) => {
    await tab.go(hash);
    if (name === 'chat') await tab.says('a second');
    // The browser's own walk begins at the top of the document.
    const all = await tab.page.evaluate(() => {
      (document.activeElement as HTMLElement | null)?.blur();
      getSelection()?.removeAllRanges();
      const able = [...document.querySelectorAll<HTMLElement>('a[href], button, input, select, textarea, summary, [tabindex]')].filter((e) => {
        const box = e.getBoundingClientRect();
        if (e.tabIndex < 0 || e.matches(':disabled') || !box.width || !e.checkVisibility({ visibilityProperty: true })) return false;
        if (e.closest('details:not([open])') && !e.matches('details:not([open]) > summary')) return false;
        // Of buttons of which one is chosen, Tab goes to that one.
        return !(e instanceof HTMLInputElement && e.type === 'radio' && !e.checked);
      });
      able.forEach((e, i) => (e.dataset.e2e = String(i)));
      return able.map((e) => `${e.tagName.toLowerCase()} “${(e.getAttribute('aria-label') ?? e.innerText ?? '').slice(0, 40)}”`);
    });
    expect(all.length).toBeGreaterThan(8);
    await tab.page.evaluate(() => {
      const first = document.querySelector<HTMLElement>('.skip')!;
      first.focus();
    });
    const reached = new Set<number>(), unseen: string[] = [];
    for (let i = 0; i < 2 * all.length + 10 && reached.size < all.length; i++) {
      const at = await tab.page.evaluate(() => {
        const e = document.activeElement as HTMLElement | null;
        if (!e || e === document.body) return null;
        const style = getComputedStyle(e);
        return { i: Number(e.dataset.e2e ?? -1), seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none' };
      });
      if (at && at.i >= 0) {
        reached.add(at.i);
        if (!at.seen && i > 0) unseen.push(all[at.i]!);
      }
      await tab.page.keyboard.press('Tab');
    }
    expect(all.filter((_, i) => !reached.has(i)), 'never reached').toEqual([]);
    expect([...new Set(unseen)], 'reached, but nothing shows it').toEqual([]);
  });
});

test('arrow keys walk over a matrix', async () => {
  await tab.go(`#/lens?${prompt}&view=why`);
  const matrix = '[aria-roledescription=matrix]';
  const said = () => tab.page.$eval(`${matrix} [aria-live]`, (e) => e.textContent);
  await tab.page.focus(matrix);
  await tab.page.keyboard.press('ArrowRight');
  await tab.until((s) => document.querySelector(`${s} [aria-live]`)?.textContent?.startsWith('block 5, head 1: '), matrix);
  await tab.page.keyboard.press('ArrowDown');
  await tab.until((s) => document.querySelector(`${s} [aria-live]`)?.textContent?.startsWith('block 4, head 1: '), matrix);
  await tab.page.keyboard.press('Enter');
  await tab.until(() => location.hash.includes('out=head'));
  expect(await said()).toContain('head 1');
});

test('arrow keys walk over the loom', async () => {
  await tab.go(`#/flow?${prompt}&layer=2`);
  await tab.page.focus('.viewport');
  const said = (text: string) => tab.until((t) => document.querySelector('.viewport > [aria-live]')?.textContent?.includes(t), text);
  await tab.page.keyboard.press('ArrowRight');
  await said('Bytes');
  await tab.page.keyboard.press('ArrowRight');
  await tab.page.keyboard.press('ArrowRight');
  await said('Vector, token 0');
  await tab.page.keyboard.press('ArrowDown');
  await said('Vector, token 1');
  await tab.page.keyboard.down('Shift');
  await tab.page.keyboard.press('ArrowRight');
  await tab.page.keyboard.up('Shift');
  await said('number 1 of 192');
  await tab.page.keyboard.press('Enter');
  await tab.until(() => document.querySelector('section[aria-label="Pinned number"]'));
});

test('who wants no motion gets none', async () => {
  await tab.go(`#/flow?${prompt}`);
  await tab.press('Play by steps');
  await tab.says('Text', '.caption b');
  await tab.press('Play by steps');
  await tab.says('Bytes', '.caption b');
  for (const hash of Object.values(places)) {
    await tab.go(hash);
    const moving = await tab.page.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running' && Number(a.effect?.getComputedTiming().duration) > 20).length);
    expect(moving).toBe(0);
  }
  expect(tab.problems).toEqual([]);
});
