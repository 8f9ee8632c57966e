import { number, percent } from '../../lib/format';
import type { Reading } from './api';

export type Measure = 'p' | 'entropy' | 'rank' | 'kl';

export const measures: { id: Measure; name: string; what: string }[] = [
  { id: 'p', name: 'Token', what: 'the likeliest token at that depth; the stronger the colour, the likelier' },
  { id: 'entropy', name: 'Undecided', what: 'entropy in bits: 0 is certain; the stronger the colour, the more certain' },
  { id: 'rank', name: 'Rank', what: 'in which place the model’s final answer stands at that depth; strong is first' },
  { id: 'kl', name: 'Distance', what: 'how far the guess at that depth is from the final one, in bits (KL); strong is near' }
];

/** How strongly a cell is coloured, 0 … 1: strong is decided, or near the end's answer. */
export function strength(reading: Reading, measure: Measure, vocab: number): number {
  const bits = Math.log2(Math.max(2, vocab));
  switch (measure) {
    case 'p': return reading.top[0]?.p ?? 0;
    case 'entropy': return Math.max(0, 1 - reading.entropy_bits / bits);
    case 'rank': return Math.max(0, 1 - Math.log2(Math.max(1, reading.rank)) / bits);
    case 'kl': return Math.max(0, 1 - reading.kl_bits / bits);
  }
}

/** What stands in a cell; the token itself is up to the caller. */
export function said(reading: Reading, measure: Measure): string {
  switch (measure) {
    case 'p': return percent(reading.top[0]?.p ?? 0);
    case 'entropy': return number(reading.entropy_bits, 2);
    case 'rank': return String(reading.rank);
    case 'kl': return number(Math.max(0, reading.kl_bits), 2);
  }
}

/** What an index of depths is called. */
export function depthName(layer: number): string {
  return layer < 0 ? 'embedding' : `block ${layer}`;
}
