import { describe, expect, it } from 'vitest';
import type { TensorStats } from '../../lib/api/types';
import { axis, density, peak } from './spread';

const stats = (lo: number, hi: number, counts: number[], outside = 0) => ({ histogram: { lo, hi, counts, below: outside, above: 0 } }) as unknown as TensorStats;

describe('a histogram', () => {
  it('as a density adds up to one, however wide its bins are', () => {
    for (const each of [stats(-1, 1, [1, 2, 3, 4]), stats(-0.1, 0.3, [5, 0, 0, 5])]) {
      expect(density(each).reduce((sum, bin) => sum + bin.value * (bin.to - bin.from), 0)).toBeCloseTo(1, 12);
    }
  });
  it('counts what lies outside of it', () => {
    expect(density(stats(0, 1, [1, 1], 2)).reduce((sum, bin) => sum + bin.value * (bin.to - bin.from), 0)).toBeCloseTo(0.5, 12);
  });
  it('is higher where it is narrower', () => {
    expect(peak(stats(0, 1, [1, 1]))).toBeCloseTo(10 * peak(stats(0, 10, [1, 1])), 9);
  });
  it('shares an axis around zero with others', () => {
    expect(axis([stats(-1, 0.5, [1]), null, stats(-0.2, 2, [1])])).toEqual([-2, 2]);
    expect(axis([])).toEqual([-1, 1]);
  });
});
