import { expect, it } from 'vitest';
import type { ChatToken } from '../../lib/api/types';
import { guessed, rankOf, surprise, tintOf } from './surprise';

const token: ChatToken = {
  id: 5, text: ' the', logprob: Math.log(0.25), p: 0.25, entropy_bits: 4, forced: false,
  top: [{ id: 5, text: ' the', p: 0.25 }, { id: 6, text: ' The', p: 0.2 }, { id: 7, text: '\n', p: 0.1 }]
};

it('tints by how unlikely a token was', () => {
  expect(surprise(1)).toBe(0);
  expect(surprise(0.25)).toBe(2);
  expect(surprise(0)).toBeNull();
  expect(tintOf(token, 'surprise')).toBe(0.25);
  expect(tintOf(token, 'entropy')).toBe(0.5);
  expect(tintOf(token, 'none')).toBe(0);
  expect(tintOf({ ...token, p: 1e-9 }, 'surprise')).toBe(1);
  expect(tintOf({ ...token, p: null }, 'surprise')).toBe(0);
});

it('finds a guess among the alternatives', () => {
  expect(rankOf(token, 6)).toBe(2);
  expect(rankOf(token, 9)).toBe(0);
  expect(guessed(token, 'the')).toBe(1);
  expect(guessed(token, '\n')).toBe(3);
  expect(guessed(token, 'cat')).toBe(0);
});
