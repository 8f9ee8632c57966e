import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, inject, test } from 'vitest';
import { Studio } from './studio';
import { desk, openBrowser, phone, Tab, themes } from './tab';

// Pictures of every panel in both themes and both sizes, into web/shots; those that tell the story go to docs/images.
const all = resolve(import.meta.dirname, '../shots');
const kept = resolve(import.meta.dirname, '../../docs/images');
const story = ['flow-light-desk', 'lens-dark-desk', 'chat-light-desk', 'train-light-desk', 'why-dark-desk', 'flow-light-phone'];

const smol = inject('smol');
const question = `prompt=${encodeURIComponent('The capital of France is')}`;

let browser: Browser, studio: Studio, run = '';
beforeAll(async () => {
  mkdirSync(all, { recursive: true });
  mkdirSync(kept, { recursive: true });
  studio = await Studio.start(...(smol ? [smol] : []));
  browser = await openBrowser();
  const list = await studio.get<{ samples: { name: string }[] }>('train');
  run = (await studio.post<{ run: string }>('train', { sample: list.samples[0]!.name, preset: 'nano', steps: 120, seed: 1, attached: false })).run;
  const tab = await Tab.open(browser, studio, '#/tour');
  await tab.go(`#/train?run=${run}`);
  await tab.until(() => document.querySelector('section.run [role=status]')?.textContent?.trim().endsWith(' done'));
  await tab.close();
});
afterAll(async () => {
  await browser?.close();
  await studio?.close();
});

const places: Record<string, () => string> = {
  tour: () => '#/tour',
  chat: () => `#/chat?say=${encodeURIComponent(smol ? 'Why is the sky blue?' : 'Once upon a time')}&seed=4&max=70`,
  flow: () => `#/flow?${question}`,
  block: () => `#/flow?${question}&layer=3&at=4`,
  lens: () => `#/lens?${question}`,
  why: () => `#/lens?${question}&view=why`,
  heads: () => `#/lens?${question}&view=heads&layer=3&head=2`,
  change: () => `#/lens?${question}&view=change&out=mlp%200`,
  words: () => `#/words?${question}`,
  train: () => `#/train?run=${run}&step=16`,
  start: () => '#/train?new=1',
  model: () => '#/model'
};

for (const [size, window] of Object.entries({ desk, phone })) {
  for (const theme of themes) {
    test(`${theme}, ${size}`, async () => {
      const tab = await Tab.open(browser, studio, '#/tour', { theme, size: window });
      for (const [name, hash] of Object.entries(places)) {
        await tab.page.mouse.move(0, 0);
        await tab.go(hash());
        if (name === 'chat') {
          await tab.says('a second');
          if (size === 'desk') await tab.page.hover('[data-i="5"]');
        }
        await tab.settled();
        await tab.page.evaluate(() => scrollTo(0, 0));
        await tab.frame();
        const file = `${name}-${theme}-${size}`;
        await tab.page.screenshot({ path: join(all, `${file}.png`) });
        if (story.includes(file)) await tab.page.screenshot({ path: join(kept, `${file}.webp`), type: 'webp', quality: 82 });
      }
      await tab.close();
    });
  }
}
