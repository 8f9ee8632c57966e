import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChatResult, ChatToken } from '../src/lib/api/types';
import { visible } from '../src/lib/tokens';
import { Studio } from './studio';
import { openBrowser, Tab } from './tab';

const said = 'Once upon a time there was';
const sampling = { seed: 7, temp: 0.8 };
const most = 160;

interface Answer {
  tokens: ChatToken[];
  result: ChatResult;
}

let browser: Browser, studio: Studio, tab: Tab;
beforeAll(async () => {
  studio = await Studio.start();
  browser = await openBrowser();
  tab = await Tab.open(browser, studio, `#/chat?seed=7&temp=0.8&max=${most}`);
});
afterAll(async () => {
  await browser?.close();
  await studio?.close();
});

function ask(prefix: number[]): Promise<Answer> {
  return studio.post<Answer>('chat', { messages: [{ role: 'user', content: said }], sampling, max_tokens: most, top: 10, prefix });
}

/** The answer on the screen, token by token. */
function texts(of: Tab): Promise<string[]> {
  return of.page.$$eval('[data-i]', (list) => list.map((e) => e.textContent ?? ''));
}

async function finished(of: Tab, tokens: number): Promise<void> {
  await of.until((n) => document.querySelectorAll('[data-i]').length === n && [...document.querySelectorAll('button')].some((b) => b.textContent === 'Answer again'), tokens);
}

test('an answer streams, and is the one that the API gives', async () => {
  await tab.page.evaluate(() => {
    const counts: number[] = [];
    Object.assign(window, { counts });
    new MutationObserver(() => {
      const n = document.querySelectorAll('[data-i]').length;
      if (n !== counts.at(-1)) counts.push(n);
    }).observe(document.body, { childList: true, subtree: true });
  });
  await tab.page.type('#say', said);
  await tab.page.keyboard.press('Enter');
  const want = await ask([]);
  await finished(tab, want.tokens.length);
  expect(await texts(tab)).toEqual(want.tokens.map((token) => token.text));
  const counts = await tab.page.evaluate(() => (window as unknown as { counts: number[] }).counts);
  expect(counts.length, `the answer came in pieces of ${counts.join(', ')} tokens`).toBeGreaterThan(2); // a fast server sends many at once
});

test('pointing at a token shows what else the model saw', async () => {
  const want = await ask([]);
  const letters = want.tokens.flatMap((token, i) => (token.text.trim() ? [i] : [])); // a line's end is nothing to point at
  for (const i of [letters[0]!, letters[4]!, letters[9]!]) {
    await (await tab.page.$(`[data-i="${i}"]`))!.hover();
    await tab.until((n) => document.querySelector(`section[aria-label="Token ${n}"]`), i);
    const bars = await tab.bars(`section[aria-label="Token ${i}"]`);
    const token = want.tokens[i]!;
    const listed = token.top.slice(0, 10).map((c) => ({ text: visible(c), p: c.p }));
    if (!token.top.some((c) => c.id === token.id)) listed.push({ text: visible(token), p: token.p });
    expect(bars).toEqual(listed);
  }
});

test('clicking a token goes on with another', async () => {
  const first = await ask([]);
  const at = 5;
  const other = first.tokens[at]!.top.find((c) => c.id !== first.tokens[at]!.id)!;
  const prefix = [...first.tokens.slice(0, at).map((token) => token.id), other.id];
  const want = await ask(prefix);

  await tab.page.click(`[data-i="${at}"]`);
  await tab.page.locator(`section[aria-label="Token ${at}"] .line:nth-child(${first.tokens[at]!.top.indexOf(other) + 1})`).click();
  await tab.says('2 of 2');
  await finished(tab, want.tokens.length);
  const now = await texts(tab);
  expect(now).toEqual(want.tokens.map((token) => token.text));
  expect(now.slice(0, at)).toEqual(first.tokens.slice(0, at).map((token) => token.text));
  expect(now[at]).toBe(other.text);
  expect(now.length).toBeGreaterThan(at + 1);
});

test('a link with the fork brings it back, and the first answer is still beside it', async () => {
  const now = await texts(tab);
  const hash = await tab.page.evaluate(() => location.hash);
  expect(hash).toContain('fork=');
  const again = await Tab.open(browser, studio, hash);
  await finished(again, now.length);
  expect(await texts(again)).toEqual(now);
  expect(again.problems).toEqual([]);
  await again.close();

  await tab.press('Answer before');
  await tab.says('1 of 2');
  expect(await texts(tab)).toEqual((await ask([])).tokens.map((token) => token.text));
  expect(tab.problems).toEqual([]);
});
