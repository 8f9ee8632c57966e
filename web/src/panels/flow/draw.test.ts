import { expect, it } from 'vitest';
import { barAt, barsTop, header, heightOf, middleOf } from './draw';

it('finds the bar that was drawn, wherever the last thread is', () => {
  for (const tokens of [1, 7, 200]) {
    const top = barsTop(tokens, 10, 24);
    expect(top).toBeGreaterThan(header);
    for (let i = 0; i < 10; i++) expect(barAt(top + i * 20 + 10, tokens, 10, 24)).toBe(i);
    expect(barAt(top - 1, tokens, 10, 24)).toBe(-1);
    expect(barAt(top + 201, tokens, 10, 24)).toBe(-1);
    expect(top + 200).toBeLessThanOrEqual(heightOf(tokens, 10, 24));
    expect(middleOf(tokens, 24)).toBeLessThan(heightOf(tokens, 10, 24));
  }
});
