import { describe, expect, it } from 'vitest';
import { diverging, inks, limitOf, paint, place, sequential, step, table, type Rgb, type Theme } from './color';

const themes: Theme[] = ['light', 'dark'];

// luminance as WCAG 2 defines it.
function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe('the diverging scale', () => {
  it('is neutral at zero and the same size on both sides', () => {
    for (const theme of themes) {
      expect(diverging(0, theme)).toEqual(diverging(-0, theme));
      expect(diverging(-2, theme)).toEqual(diverging(-1, theme));
      expect(diverging(1, theme)).not.toEqual(diverging(-1, theme));
    }
  });

  it('carries size by lightness: it moves one way from zero to either end', () => {
    for (const theme of themes) {
      for (const sign of [-1, 1]) {
        const steps = Array.from({ length: 33 }, (_, i) => luminance(diverging((sign * i) / 32, theme)));
        const up = theme === 'dark';
        for (let i = 1; i < steps.length; i++) expect(up ? steps[i]! >= steps[i - 1]! : steps[i]! <= steps[i - 1]!).toBe(true);
      }
    }
  });

  it('puts values in place', () => {
    expect(place(2, 4)).toBe(0.5);
    expect(place(-9, 4)).toBe(-1);
    expect(place(0, 0)).toBe(0);
    expect(place(3, 0)).toBe(1);
    expect(place(NaN, 4)).toBeNaN();
  });
});

it('draws what is not a number in a colour of its own', () => {
  const pixels = new Uint32Array(3);
  paint([NaN, 0, 9], pixels, { type: 'diverging', limit: 1 }, 'light');
  const colours = table({ type: 'diverging', limit: 1 }, 'light');
  expect(colours).not.toContain(pixels[0]);
  expect(pixels[2]).toBe(colours[255]);
  expect(colours).toContain(pixels[1]);
});

it('is opaque everywhere', () => {
  for (const theme of themes) expect(table({ type: 'sequential', kind: 'looked', limit: 1 }, theme).every((pixel) => pixel >>> 24 === 255)).toBe(true);
});

it('steps a sequential scale from the ground to the kind’s colour', () => {
  expect(step(0, { type: 'sequential', kind: 'likely', limit: 1 })).toBe(0);
  expect(step(1, { type: 'sequential', kind: 'likely', limit: 1 })).toBe(255);
  expect(sequential(1, 'likely', 'light')).toEqual([29, 98, 173]);
});

it('takes the limit from the robust range, and the whole range where that is zero', () => {
  expect(limitOf([-2, 1])).toBe(2);
  expect(limitOf([0, 0], [-5, 3])).toBe(5);
  expect(limitOf([0, 0], [0, 0])).toBe(1);
});

it('has the colours of the style sheet', async () => {
  const { readFile } = await import('node:fs/promises');
  const sheet = await readFile(new URL('../styles/tokens.css', import.meta.url), 'utf8');
  const hex = ([r, g, b]: Rgb) => '#' + [r, g, b].map((v) => v.toString(16).padStart(2, '0')).join('');
  const pair = (name: string) => new RegExp(`--${name}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(sheet)?.slice(1);
  for (const kind of ['learned', 'made', 'chosen', 'looked', 'likely'] as const) {
    expect(pair(kind)).toEqual(themes.map((theme) => hex(sequential(1, kind, theme))));
  }
  expect(pair('neg')).toEqual(themes.map((theme) => hex(diverging(-1, theme))));
  expect(pair('pos')).toEqual(themes.map((theme) => hex(diverging(1, theme))));
  expect(pair('cell')).toEqual(themes.map((theme) => hex(diverging(0, theme))));
  for (const name of ['ink', 'muted', 'paper'] as const) expect(pair(name)).toEqual(themes.map((theme) => inks[theme][name]));
});
