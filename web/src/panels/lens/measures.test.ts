import { expect, it } from 'vitest';
import type { Reading } from './api';
import { depthName, said, strength } from './measures';

const reading: Reading = { entropy_bits: 0, kl_bits: 0, rank: 1, p: 0.5, top: [{ id: 1, text: 'a', logit: 2, p: 0.5 }] };

it('is strongest where a depth is certain, first and at the end', () => {
  expect(strength(reading, 'p', 1024)).toBe(0.5);
  for (const by of ['entropy', 'rank', 'kl'] as const) expect(strength(reading, by, 1024)).toBe(1);
  const far: Reading = { ...reading, entropy_bits: 10, kl_bits: 40, rank: 1024 };
  for (const by of ['entropy', 'rank', 'kl'] as const) expect(strength(far, by, 1024)).toBe(0);
});

it('says numbers, and never a distance below none', () => {
  expect(said({ ...reading, kl_bits: -1e-17 }, 'kl')).toBe('0');
  expect(said({ ...reading, rank: 12 }, 'rank')).toBe('12');
  expect(depthName(-1)).toBe('embedding');
});
