import { expect, it } from 'vitest';
import { formatPin, parsePin } from './pin';

it('keeps a pin through the address', () => {
  for (const where of [
    { name: 'blocks.3.attn.hook_q', head: 2, row: 5, col: 17, weight: false },
    { name: 'blk.3.attn_q.weight', head: undefined, row: 0, col: 1, weight: true },
    { name: 'odd:name', head: undefined, row: 1, col: 2, weight: false }
  ]) {
    expect(parsePin(formatPin(where))).toEqual(where);
  }
  expect(parsePin('')).toBeNull();
  expect(parsePin('a:b:c')).toBeNull();
});
