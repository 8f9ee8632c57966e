import { describe, expect, it } from 'vitest';
import { across, inBand, most, nearest, stepAt, stepTicks, take, ticks } from './log';
import type { Line } from './types';

const line = (step: number, bpb = 1) => ({ step, bpb, val_bpb: null }) as unknown as Line;

describe('a log', () => {
  it('grows at its end', () => {
    expect(take([line(1), line(2)], [line(3)]).map((l) => l.step)).toEqual([1, 2, 3]);
  });
  it('takes steps that come again from the newer', () => {
    const got = take([line(1), line(2, 5), line(3, 5)], [line(2, 7), line(3, 8)]);
    expect(got.map((l) => [l.step, l.bpb])).toEqual([[1, 1], [2, 7], [3, 8]]);
  });
});

describe('a long log', () => {
  it('loses older lines, but none with an evaluation', () => {
    let lines: Line[] = [];
    for (let step = 1; step <= 3 * most; step++) lines = take(lines, [step % 50 ? line(step) : { ...line(step), val_bpb: 1 }]);
    expect(lines.length).toBeLessThanOrEqual(most);
    expect(lines[0]!.step).toBe(1);
    expect(lines.at(-1)!.step).toBe(3 * most);
    expect(lines.filter((each) => each.val_bpb !== null).length).toBe((3 * most) / 50);
    for (let i = 1; i < lines.length; i++) expect(lines[i]!.step).toBeGreaterThan(lines[i - 1]!.step);
  });
});

describe('the play-head', () => {
  const kept = [0, 1, 2, 4, 8, 300];
  it('goes to the nearest kept checkpoint', () => {
    expect(nearest(kept, 5)).toBe(4);
    expect(nearest(kept, 400)).toBe(300);
    expect(nearest([], 3)).toBeNull();
  });
  it('measures on the axis that is drawn', () => {
    const place = (s: number) => across(s, 300, 'log');
    expect(nearest(kept, 60)).toBe(8);
    expect(nearest(kept, 60, place)).toBe(300);
  });
});

describe('the axis of steps', () => {
  it('goes there and back', () => {
    for (const stretch of ['log', 'even'] as const)
      for (const step of [0, 1, 7, 150, 300]) expect(stepAt(across(step, 300, stretch), 300, stretch)).toBeCloseTo(step, 9);
  });
  it('begins at 0 and ends at the last', () => {
    for (const stretch of ['log', 'even'] as const) {
      expect(across(0, 300, stretch)).toBe(0);
      expect(across(300, 300, stretch)).toBe(1);
    }
    expect(across(0, 0, 'log')).toBe(0);
  });
  it('writes steps with room between them, the last among them', () => {
    const got = stepTicks(300, 'log', 600);
    expect(got[0]).toBe(0);
    expect(got.at(-1)).toBe(300);
    expect(got).not.toContain(256);
    for (let i = 1; i < got.length; i++) expect(600 * (across(got[i]!, 300, 'log') - across(got[i - 1]!, 300, 'log'))).toBeGreaterThanOrEqual(34);
    expect(stepTicks(300, 'even', 600)).toEqual([0, 50, 100, 150, 200, 250, 300]);
  });
});

describe('round numbers', () => {
  it('lie between the ends', () => {
    expect(ticks(1.6, 4.3, 5)).toEqual([2, 3, 4]);
    expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks(2, 2, 5)).toEqual([2]);
  });
});

describe('the band', () => {
  const low: [number, number][] = [[10, 4], [20, 3]], high: [number, number][] = [[10, 5], [20, 4]];
  it('is read between its points and nowhere else', () => {
    expect(inBand(low, high, 15, 3.4)).toBe('below');
    expect(inBand(low, high, 15, 4)).toBe('within');
    expect(inBand(low, high, 20, 4.1)).toBe('above');
    expect(inBand(low, high, 5, 4)).toBeNull();
    expect(inBand(low, high, 30, 4)).toBeNull();
  });
});
