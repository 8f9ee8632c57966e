import { launch, type Browser, type BrowserContext, type Page } from 'puppeteer-core';
import { inject } from 'vitest';
import type { Studio } from './studio';

export const desk = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };
export const themes = ['light', 'dark'] as const;

/** Generous: the machine may be slow and shared, and nothing that works waits this long. */
export const patience = Number(process.env.E2E_PATIENCE_S ?? 60) * 1000;

export function openBrowser(): Promise<Browser> {
  return launch({
    executablePath: inject('chromium'),
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update'],
    protocolTimeout: 2 * patience
  });
}

export interface Look {
  theme?: 'light' | 'dark';
  size?: { width: number; height: number };
  still?: boolean;
}

/** A window of its own on the page, whose storage no other sees. What goes wrong in it is kept in problems. */
export class Tab {
  readonly problems: string[] = [];

  private constructor(readonly context: BrowserContext, readonly page: Page, readonly studio: Studio) {}

  static async open(browser: Browser, studio: Studio, hash: string, how: Look = {}): Promise<Tab> {
    const context = await browser.createBrowserContext();
    const tab = new Tab(context, await context.newPage(), studio);
    await tab.page.setViewport({ deviceScaleFactor: 1, ...(how.size ?? desk) });
    await tab.page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: how.theme ?? 'light' },
      { name: 'prefers-reduced-motion', value: how.still ? 'reduce' : 'no-preference' }
    ]);
    tab.#watch();
    await tab.page.goto(`${studio.url}/${hash}`, { waitUntil: 'load', timeout: patience });
    await tab.shown();
    return tab;
  }

  #watch(): void {
    this.page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warn') this.problems.push(`console: ${message.text()} ${message.location().url ?? ''}`);
    });
    this.page.on('pageerror', (error) => this.problems.push(`page: ${String(error)}`));
    this.page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== this.studio.url && url.protocol !== 'data:' && url.protocol !== 'blob:') this.problems.push(`asked ${request.url()}`);
    });
    this.page.on('response', (response) => {
      if (response.status() >= 400) this.problems.push(`${response.status()} of ${response.url()}`);
    });
  }

  /** Goes to an address of the same page, as a link does. */
  async go(hash: string): Promise<void> {
    await this.page.evaluate((to) => (location.hash = to), hash);
    await this.shown();
  }

  /** Waits until the panel is there and has all that it asked for. */
  async shown(): Promise<void> {
    await this.until(() => (document.querySelector('main')?.querySelectorAll('*').length ?? 0) > 3);
    await this.settled();
  }

  async settled(): Promise<void> {
    await this.page.waitForNetworkIdle({ idleTime: 400, timeout: patience });
    await this.until(() => !document.querySelector('main [role=progressbar], main progress, header progress'));
    await this.frame();
  }

  /** Lets the page draw. */
  async frame(): Promise<void> {
    await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }

  async until<A extends unknown[]>(test: (...args: A) => unknown, ...args: A): Promise<void> {
    await this.page.waitForFunction(test as (...args: unknown[]) => unknown, { timeout: patience, polling: 100 }, ...args);
  }

  /** Waits until some element's text holds a text. */
  async says(text: string, selector = 'body'): Promise<void> {
    try {
      await this.until((t, s) => [...document.querySelectorAll<HTMLElement>(s)].some((e) => e.innerText.includes(t)), text, selector);
    } catch (error) {
      throw new Error(`${selector} never said “${text}” but: ${(await this.text(selector)).slice(0, 1500)}`, { cause: error });
    }
  }

  text(selector: string): Promise<string> {
    return this.page.evaluate((s) => [...document.querySelectorAll<HTMLElement>(s)].map((e) => e.innerText).join('\n'), selector);
  }

  /** Clicks the button or link with this name, once it is there. */
  async press(name: string): Promise<void> {
    const found = await this.page.locator(`::-p-aria([name="${name}"])`).setTimeout(patience).waitHandle();
    await found.evaluate((e) => e.scrollIntoView({ block: 'center' }));
    await found.click();
  }

  /** What a group of probability bars shows: texts, and probabilities with all their digits. */
  bars(selector: string): Promise<{ text: string; p: number }[]> {
    return this.page.$$eval(`${selector} .line`, (lines) =>
      lines.map((line) => ({ text: line.querySelector('.name')?.getAttribute('title') ?? '', p: Number(line.querySelector('.num')?.getAttribute('title')) })));
  }

  /** All nodes of the document, texts too. */
  nodes(): Promise<number> {
    return this.page.evaluate(() => {
      const walker = document.createTreeWalker(document, NodeFilter.SHOW_ALL);
      let n = 1;
      while (walker.nextNode()) n++;
      return n;
    });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

/** What a run measured, for the record: one line each. */
export function record(what: string, figure: string): void {
  console.log(`measured: ${what}: ${figure}`);
}
