import type { Line } from './types';

/** Lines of a log with newer ones at their end; a step that comes again counts as the newer says. */
export function take(lines: readonly Line[], fresh: readonly Line[]): Line[] {
  const first = fresh[0]?.step ?? Infinity;
  const kept = lines.at(-1) && lines.at(-1)!.step >= first ? lines.filter((line) => line.step < first) : lines;
  const all = [...kept, ...fresh];
  return all.length > most ? thin(all) : all;
}

/** So many lines are kept of a long run: more than a chart has pixels. */
export const most = 4000;

/** Leaves out every other line of the older ones; those with an evaluation stay. */
function thin(lines: readonly Line[]): Line[] {
  let odd = false;
  return lines.filter((line, i) => line.val_bpb !== null || i === 0 || i > (3 * lines.length) / 4 || (odd = !odd));
}

/** The kept checkpoint that is nearest to a step on an axis; the earlier one of two. */
export function nearest(checkpoints: readonly number[], step: number, place: (step: number) => number = (s) => s): number | null {
  let found: number | null = null;
  for (const each of checkpoints) {
    if (found === null || Math.abs(place(each) - place(step)) < Math.abs(place(found) - place(step))) found = each;
  }
  return found;
}

export type Stretch = 'log' | 'even';

/** Where a step stands on the axis, 0 … 1. The stretched axis gives a doubling the same width everywhere. */
export function across(step: number, last: number, stretch: Stretch): number {
  const most = Math.max(1, last);
  return stretch === 'log' ? Math.log2(1 + step) / Math.log2(1 + most) : step / most;
}

/** The step that stands at a place of the axis. */
export function stepAt(place: number, last: number, stretch: Stretch): number {
  const most = Math.max(1, last);
  const share = Math.max(0, Math.min(1, place));
  return stretch === 'log' ? Math.pow(1 + most, share) - 1 : share * most;
}

/** Round numbers from low to high, about as many as wanted. */
export function ticks(low: number, high: number, wanted: number): number[] {
  const width = (high - low) / Math.max(1, wanted);
  if (!(width > 0)) return [low];
  const unit = 10 ** Math.floor(Math.log10(width));
  const size = [1, 2, 5, 10].map((m) => m * unit).find((m) => m >= width * 0.999)!;
  const out: number[] = [];
  for (let i = Math.ceil(low / size - 1e-9); i * size <= high + size * 1e-9; i++) out.push(Number((i * size).toPrecision(12)));
  return out;
}

/** Steps to write below the axis: powers of two on the stretched one, and the last. */
export function stepTicks(last: number, stretch: Stretch, width: number): number[] {
  const most = Math.max(1, last);
  if (stretch === 'even') return ticks(0, most, Math.max(2, Math.floor(width / 90))).filter(Number.isInteger);
  const out = [0];
  for (let s = 1; s <= most; s *= 2) out.push(s);
  if (out.at(-1) !== most) out.push(most);
  const gap = 34 / Math.max(1, width);
  const kept: number[] = [];
  for (const s of out.reverse()) {
    const at = across(s, most, stretch);
    if (!kept.length || across(kept.at(-1)!, most, stretch) - at >= gap) kept.push(s);
  }
  return kept.reverse();
}

/** Whether a value at a step lies in the band; null where the band does not reach. */
export function inBand(low: readonly [number, number][], high: readonly [number, number][], step: number, value: number): 'below' | 'within' | 'above' | null {
  const bottom = between(low, step), top = between(high, step);
  if (bottom === null || top === null) return null;
  return value < bottom ? 'below' : value > top ? 'above' : 'within';
}

function between(curve: readonly [number, number][], step: number): number | null {
  for (let i = 0; i < curve.length; i++) {
    const [s, v] = curve[i]!;
    if (s === step) return v;
    if (s > step) {
      const before = curve[i - 1];
      return before ? before[1] + ((v - before[1]) * (step - before[0])) / (s - before[0]) : null;
    }
  }
  return null;
}
