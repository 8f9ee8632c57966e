import { describe, expect, it } from 'vitest';
import { squarify } from './treemap';

describe('squarify', () => {
  const into = { x: 10, y: 20, w: 600, h: 400 };

  it('gives each size its share of the area, inside the box and without overlap', () => {
    const sizes = [600, 600, 400, 300, 200, 200, 100, 3, 0.5];
    const boxes = squarify(sizes, into);
    const total = sizes.reduce((a, b) => a + b);
    boxes.forEach((box, i) => {
      expect(box.w * box.h).toBeCloseTo((sizes[i]! / total) * 240000, 3);
      expect(box.x).toBeGreaterThanOrEqual(10 - 1e-6);
      expect(box.y).toBeGreaterThanOrEqual(20 - 1e-6);
      expect(box.x + box.w).toBeLessThanOrEqual(610 + 1e-6);
      expect(box.y + box.h).toBeLessThanOrEqual(420 + 1e-6);
      for (const other of boxes.slice(i + 1)) {
        const over = Math.max(0, Math.min(box.x + box.w, other.x + other.w) - Math.max(box.x, other.x)) * Math.max(0, Math.min(box.y + box.h, other.y + other.h) - Math.max(box.y, other.y));
        expect(over).toBeLessThan(1e-6);
      }
    });
  });

  it('keeps equal sizes near to squares', () => {
    for (const box of squarify(Array.from({ length: 24 }, () => 1), into)) expect(Math.max(box.w / box.h, box.h / box.w)).toBeLessThan(2);
  });

  it('does with nothing', () => {
    expect(squarify([], into)).toEqual([]);
    expect(squarify([0, 0], into)).toHaveLength(2);
  });
});
