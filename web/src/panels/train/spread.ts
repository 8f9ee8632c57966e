import type { TensorStats } from '../../lib/api/types';

export interface Bin {
  from: number;
  to: number;
  /** The share of all numbers per unit of the axis. */
  value: number;
}

/** A histogram as a density, so that those with other bins compare. */
export function density(stats: TensorStats): Bin[] {
  const { lo, hi, counts, below = 0, above = 0 } = stats.histogram;
  const all = counts.reduce((sum, n) => sum + n, below + above) || 1;
  const wide = (hi - lo) / counts.length || 1e-9;
  // Pairs of bins: a small matrix has too few numbers for all of them.
  const out: Bin[] = [];
  for (let i = 0; i < counts.length; i += 2) {
    const n = counts[i]! + (counts[i + 1] ?? 0);
    out.push({ from: lo + i * wide, to: lo + Math.min(counts.length, i + 2) * wide, value: n / all / (2 * wide) });
  }
  return out;
}

export function peak(stats: TensorStats): number {
  return Math.max(...density(stats).map((bin) => bin.value));
}

/** An axis around zero that holds all of some histograms. */
export function axis(all: readonly (TensorStats | null | undefined)[]): [number, number] {
  let far = 0;
  for (const stats of all) if (stats) far = Math.max(far, Math.abs(stats.histogram.lo), Math.abs(stats.histogram.hi));
  return far > 0 ? [-far, far] : [-1, 1];
}
