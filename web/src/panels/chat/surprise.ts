import type { ChatToken } from '../../lib/api/types';

export type Tint = 'surprise' | 'entropy' | 'none';

/** How strongly a token is tinted, 0 … 1: eight bits are the deepest. */
export function tintOf(token: ChatToken, by: Tint): number {
  if (by === 'none') return 0;
  const bits = by === 'entropy' ? token.entropy_bits : surprise(token.p);
  return bits === null ? 0 : Math.max(0, Math.min(1, bits / 8));
}

/** Bits of surprise: 1 for one in two, 10 for one in about a thousand. */
export function surprise(p: number | null): number | null {
  return p === null || !(p > 0) ? null : Math.max(0, -Math.log2(p));
}

/** Place of a token among the alternatives, from 1; 0: it is not there. */
export function rankOf(token: Pick<ChatToken, 'top'>, id: number): number {
  return token.top.findIndex((candidate) => candidate.id === id) + 1;
}

/** Finds what somebody guessed: the whole token, with or without its space, in any case. */
export function guessed(token: Pick<ChatToken, 'top'>, guess: string): number {
  const want = guess.trim().toLowerCase();
  if (want === '') return token.top.findIndex((candidate) => candidate.text === guess) + 1;
  return token.top.findIndex((candidate) => candidate.text.trim().toLowerCase() === want) + 1;
}
