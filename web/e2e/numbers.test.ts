import { execFileSync } from 'node:child_process';
import type { Browser, HTTPResponse } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Run } from '../src/lib/api/types';
import { limitOf, paint, type Scale } from '../src/lib/color';
import { exact } from '../src/lib/format';
import { middleOf, ribbonHeight } from '../src/panels/flow/draw';
import { cellsOf, span, stagesOf, widthOf, type Stage } from '../src/panels/flow/stages';
import { look, Studio } from './studio';
import { openBrowser, record, Tab } from './tab';

const prompt = 'To be, or not to be, that is the question';
const tokens = 12;
const row = 30; // how far two threads are apart

interface Look {
  tokens: { id: number }[];
  prediction: { id: number; p: number; logit: number }[];
  blocks: { resid?: number[][] }[];
  attention: { pattern: number[][] };
}

/** A matrix that the model itself made: rows are tokens, of one head where there are several. */
type Matrix = number[][];

let browser: Browser, studio: Studio, run: Run;
let points: Record<string, { shape: number[]; data: number[] }>;
beforeAll(async () => {
  studio = await Studio.start();
  browser = await openBrowser();
  run = await studio.post<Run>('run', { prompt });
  const told = JSON.parse(execFileSync(inject('points'), [prompt], { encoding: 'utf8', maxBuffer: 1 << 28 })) as { ids: number[]; points: typeof points };
  expect(run.ids).toEqual(told.ids);
  expect(run.ids).toHaveLength(tokens);
  points = told.points;
});
afterAll(async () => {
  await browser?.close();
  await studio?.close();
});

function matrix(stage: Stage): Matrix {
  const { shape, data } = points[stage.point === 'logits' ? 'hook_logits' : stage.point!]!;
  const cols = shape.at(-1)!;
  if (stage.point!.endsWith('hook_pattern')) {
    const from = stage.head! * tokens * tokens;
    return rows((i) => data.slice(from + i * tokens, from + (i + 1) * tokens));
  }
  const heads = shape.length === 3 ? shape[1]! : 1;
  return rows((i) => data.slice((i * heads + (stage.head ?? 0)) * cols, (i * heads + (stage.head ?? 0) + 1) * cols));
}

function rows(of: (i: number) => number[]): Matrix {
  return Array.from({ length: tokens }, (_, i) => of(i));
}

/** What a cell that stands for several numbers shows: the largest of them. */
function cells(numbers: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, j) => {
    const [from, to] = span(j, count, numbers.length);
    return numbers.slice(from, to).reduce((best, v) => (Math.abs(v) > Math.abs(best) ? v : best));
  });
}

interface Drawn {
  stages: Stage[];
  tiles: Map<string, { shape: string; robust: string; range: string; data: Float32Array }>;
  pixel: (spots: { x: number; y: number }[]) => Promise<number[]>;
}

/** Opens a block of the flow in a window so wide that all of it is drawn, and catches the tiles on their way. */
async function drawn(tab: Tab, layer: number, head: number): Promise<Drawn> {
  const caught: HTTPResponse[] = [];
  const listen = (response: HTTPResponse) => void (response.url().includes('/tile?') && caught.push(response));
  tab.page.on('response', listen);
  await tab.go(`#/flow?prompt=${encodeURIComponent(prompt)}&head=${head}&mode=audit${layer < 0 ? '' : `&layer=${layer}`}`);
  tab.page.off('response', listen);
  const tiles: Drawn['tiles'] = new Map();
  for (const response of caught) {
    const asked = new URL(response.url()).searchParams, headers = response.headers();
    const buffer = await response.buffer();
    tiles.set(`${asked.get('point')}/${asked.get('head') ?? ''}`, {
      shape: headers['x-weft-shape']!, robust: headers['x-weft-robust']!, range: headers['x-weft-range']!,
      data: new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength))
    });
  }
  const info = await studio.get<{ layers: number; heads: number; kv_heads: number; vocab: number }>('model');
  const stages = stagesOf({ points: run.points, layers: info.layers, heads: info.heads, kvHeads: info.kv_heads, tokens, vocab: info.vocab }, layer, head);
  const pixel = (spots: { x: number; y: number }[]) =>
    tab.page.$eval('.viewport canvas', (canvas, list) => {
      const { data, width } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, (canvas as HTMLCanvasElement).width, (canvas as HTMLCanvasElement).height);
      const words = new Uint32Array(data.buffer);
      return list.map(({ x, y }) => words[Math.floor(y) * width + Math.floor(x)]!);
    }, spots);
  return { stages, tiles, pixel };
}

describe('every cell of one flow', () => {
  const seen = new Set<string>();
  let count = 0, painted = 0;

  test.each([-1, 0, 1, 2, 3, 4, 5])('with block %d open', async (layer) => {
    const theme = layer % 2 ? 'dark' : 'light';
    const head = Math.max(0, layer);
    const probe = await drawnIn(theme, layer, head);
    const tab = probe.tab, { stages, tiles, pixel } = probe.drawn;
    try {
      for (const stage of stages) {
        if (!stage.point || !stage.cols && stage.draws !== 'crossing') continue;
        const whole = matrix(stage);
        const wanted = stage.point === 'logits' ? [whole[tokens - 1]!] : whole;
        const width = stage.draws === 'crossing' ? tokens : cellsOf(stage);
        const want = wanted.map((numbers) => cells(numbers, width));
        const tile = tiles.get(`${stage.point}/${stage.head ?? ''}`);
        expect(tile, `the page never fetched ${stage.point}`).toBeDefined();
        expect(tile!.shape, stage.point).toBe(`${want.length},${width}`);
        expect([...tile!.data], stage.point).toEqual(want.flat().map(Math.fround));
        count += tile!.data.length;
        seen.add(stage.point);
        if (stage.draws === 'crossing') continue;
        // And the canvas has the colours of these numbers, each cell in its place.
        const [robust, range] = [tile!.robust, tile!.range].map((text) => text.split(',').map(Number) as [number, number]);
        const scale: Scale = stage.kind === 'looked' ? { type: 'sequential', kind: 'looked', limit: 1 } : { type: 'diverging', limit: limitOf(robust!, range!) };
        const colours = new Uint32Array(want.length * width);
        paint(want.flat(), colours, scale, theme);
        const first = stage.point === 'logits' ? tokens - 1 : 0;
        const spots = want.flatMap((numbers, i) => numbers.map((_, j) => ({ x: stage.x + ((j + 0.5) * stage.width) / width, y: middleOf(first + i, row) - ribbonHeight(row) / 4 })));
        expect(await pixel(spots), `${stage.point} as it was drawn`).toEqual([...colours]);
        painted += spots.length;
      }
    } finally {
      await tab.close();
    }
  });

  test('is every point that a flow draws', () => {
    record('cells compared', `${count} as fetched, ${painted} as drawn, of ${seen.size} points`);
    for (let layer = 0; layer < 6; layer++) {
      for (const name of ['ln1.hook_normalized', 'attn.hook_q', 'attn.hook_k', 'attn.hook_v', 'attn.hook_rot_q', 'attn.hook_rot_k', 'attn.hook_pattern', 'attn.hook_z', 'hook_attn_out',
        'hook_resid_mid', 'ln2.hook_normalized', 'mlp.hook_pre', 'mlp.hook_pre_linear', 'mlp.hook_post', 'hook_mlp_out', 'hook_resid_post']) {
        expect(seen).toContain(`blocks.${layer}.${name}`);
      }
    }
    for (const name of ['hook_embed', 'ln_final.hook_normalized', 'logits']) expect(seen).toContain(name);
  });

  async function drawnIn(theme: 'light' | 'dark', layer: number, head: number) {
    const tab = await Tab.open(browser, studio, '#/tour', { theme, size: { width: 5600, height: 1100 } });
    const found = await drawn(tab, layer, head);
    expect(widthOf(found.stages)).toBeLessThan(5000);
    return { tab, drawn: found };
  }
});

test('what weft look prints is what the model made', () => {
  for (let layer = 0; layer < 6; layer++) {
    const printed = look<Look>('-p', prompt, '--layer', String(layer), '--attention', `${layer}.${layer}`);
    const streams = matrix({ point: `blocks.${layer}.hook_resid_post` } as Stage);
    expect(printed.blocks[layer]!.resid!.map((v) => v.map(Math.fround))).toEqual(streams.map((v) => v.map(Math.fround)));
    const pattern = matrix({ point: `blocks.${layer}.attn.hook_pattern`, head: layer } as Stage);
    expect(printed.attention.pattern.map((v) => [...v, ...Array<number>(tokens - v.length).fill(0)].map(Math.fround))).toEqual(pattern.map((v) => v.map(Math.fround)));
    const logits = matrix({ point: 'logits' } as Stage)[tokens - 1]!;
    for (const c of printed.prediction) expect(Math.fround(logits[c.id]!)).toBe(Math.fround(c.logit));
  }
});

test('the table under the flow says the same numbers, all digits', async () => {
  const layer = 2;
  const want = look<Look>('-p', prompt, '--layer', String(layer)).blocks[layer]!.resid!;
  const tab = await Tab.open(browser, studio, '#/tour', { size: { width: 5600, height: 1100 } });
  const { stages } = await drawn(tab, -1, 0);
  const stage = stages.find((each) => each.point === `blocks.${layer}.hook_resid_post`)!;
  await point(tab, stage, 0, 0);
  await tab.page.click('details > summary');
  for (let c0 = 0; c0 < want[0]!.length; c0 += 8) {
    await tab.page.$eval('main details label:nth-of-type(2) input', (input, value) => {
      (input as HTMLInputElement).value = String(value);
      input.dispatchEvent(new Event('input', { bubbles: true }));
    }, c0);
    await tab.until((c) => document.querySelector('main details thead th:nth-child(2)')?.textContent === String(c), c0);
    await tab.until((value) => document.querySelector('main details tbody td')?.textContent === value, exact(Math.fround(want[0]![c0]!)));
    const said = await tab.page.$$eval('main details tbody tr', (list) => list.map((tr) => [...tr.querySelectorAll('td')].map((td) => td.textContent)));
    expect(said).toEqual(want.map((numbers) => numbers.slice(c0, c0 + 8).map((v) => exact(Math.fround(v)))));
  }
  await tab.close();
});

test('a cell says its number, and the sum that it came from', async () => {
  const layer = 3, head = 1;
  const tab = await Tab.open(browser, studio, '#/tour', { size: { width: 5600, height: 1100 } });
  const { stages } = await drawn(tab, layer, head);
  for (const [i, stage] of stages.filter((each) => each.inside && each.draws !== 'crossing').entries()) {
    const r = stage.draws === 'pattern' ? tokens - 1 : i % tokens;
    const count = cellsOf(stage), cell = (5 * i) % count;
    const [from, to] = span(cell, count, stage.cols);
    const numbers = matrix(stage)[r]!;
    let col = from;
    for (let k = from; k < to; k++) if (Math.abs(numbers[k]!) > Math.abs(numbers[col]!)) col = k;
    await point(tab, stage, r, (cell + 0.5) / count);
    const value = exact(Math.fround(numbers[col]!));
    await tab.until((want) => document.querySelector('.pop b')?.textContent === want, value);
    const want = await studio.get<{ formula: string; sum: number | null; ok: boolean }>(`run/${run.run}/cell?point=${stage.point}&row=${r}&col=${col}${stage.head === undefined ? '' : `&head=${stage.head}`}`);
    await tab.until((formula) => document.querySelector('.pop .formula')?.textContent === formula, want.formula);
    expect(want.ok, stage.point).toBe(true);
  }
  await tab.close();
});

/** Points at a part of a ribbon; share is how far along it. */
async function point(tab: Tab, stage: Stage, r: number, share: number): Promise<void> {
  const area = (await (await tab.page.$('.viewport'))!.boundingBox())!;
  await tab.page.mouse.move(area.x + stage.x + Math.min(stage.width - 1, Math.max(1, share * stage.width)), area.y + middleOf(r, row));
}
