import { expect, it } from 'vitest';
import { fit, nearest, pan, toScreen, towards, zoom, type Place } from './atlas';

const size = { width: 400, height: 300 };
const points: Place[] = [[0, 0], [1, 0], [0, 1], [-2, -1]];

it('fits all places on the screen', () => {
  const view = fit(points, size);
  for (const point of points) {
    const [x, y] = toScreen(point, view, size);
    expect(x).toBeGreaterThanOrEqual(47);
    expect(x).toBeLessThanOrEqual(353);
    expect(y).toBeGreaterThanOrEqual(47);
    expect(y).toBeLessThanOrEqual(253);
  }
  expect(fit([], size)).toEqual({ x: 0, y: 0, scale: 1 });
  expect(fit([[3, 4]], size).x).toBe(3);
});

it('keeps what is under the pointer when it zooms', () => {
  const view = fit(points, size);
  const before = toScreen([1, 0], view, size);
  const after = toScreen([1, 0], zoom(view, 2.5, before, size), size);
  expect(after[0]).toBeCloseTo(before[0], 6);
  expect(after[1]).toBeCloseTo(before[1], 6);
});

it('moves with the pointer', () => {
  const view = fit(points, size);
  const [x, y] = toScreen([0, 0], view, size);
  const moved = toScreen([0, 0], pan(view, 30, -10), size);
  expect(moved[0]).toBeCloseTo(x + 30, 6);
  expect(moved[1]).toBeCloseTo(y - 10, 6);
});

it('finds the nearest place, and none far away', () => {
  const view = fit(points, size);
  const at = toScreen([0, 1], view, size);
  expect(nearest(points, [at[0] + 5, at[1]], view, size)).toBe(2);
  expect(nearest(points, [at[0] + 500, at[1]], view, size)).toBe(-1);
});

it('goes where an arrow points', () => {
  expect(towards(points, 0, 1, 0)).toBe(1);
  expect(towards(points, 0, 0, 1)).toBe(2);
  expect(towards(points, 0, -1, 0)).toBe(3);
  expect(towards(points, 1, 1, 0)).toBe(-1);
  expect(towards(points, -1, 1, 0)).toBe(0);
});
