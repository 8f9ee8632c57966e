import { describe, expect, it } from 'vitest';
import { agreement, align, cosine, type Place } from './align';

const points: Place[] = [[1, 0.2], [-0.5, 2], [0.3, -1], [-1, -1.3]];

describe('a map', () => {
  it('that was turned or mirrored lies as it did', () => {
    for (const angle of [0, 0.7, 3, -2]) {
      for (const flip of [1, -1]) {
        const moved = points.map(([x, y]): Place => [Math.cos(angle) * x - Math.sin(angle) * flip * y, Math.sin(angle) * x + Math.cos(angle) * flip * y]);
        align(moved, points).forEach((p, i) => {
          expect(p[0]).toBeCloseTo(points[i]![0], 9);
          expect(p[1]).toBeCloseTo(points[i]![1], 9);
        });
      }
    }
  });
  it('keeps its distances', () => {
    const got = align(points, [[3, 1], [0, 0], [5, 5], [2, 2]]);
    expect(Math.hypot(got[0]![0] - got[1]![0], got[0]![1] - got[1]![1])).toBeCloseTo(Math.hypot(1.5, 1.8), 9);
  });
});

describe('two models', () => {
  it('are compared by cosine', () => {
    expect(cosine([1, 0], [0, 2])).toBe(0);
    expect(cosine([1, 2], [-2, -4])).toBeCloseTo(-1, 12);
    expect(cosine([0, 0], [1, 1])).toBeNaN();
  });
  it('agree with themselves, and less where they read something else', () => {
    const a = [5, 0, 0, 0, 5, 0, 0, 0, 5];
    const got = agreement(a, a, 3, 3);
    expect(got.overlap).toBeCloseTo(1, 12);
    expect(got.same).toBe(3);
    expect(got.positions).toBe(3);
    expect(got.elsewhere).toBeLessThan(0.05);
  });
  it('of one position have no other to compare', () => {
    expect(agreement([1, 2], [2, 1], 1, 2)).toMatchObject({ same: 0, elsewhere: NaN });
  });
});
