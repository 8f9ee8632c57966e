export interface Ranked {
  rank: number;
  p: number;
  total: number;
}

/** Where a token stands among the logits of the whole vocabulary; 1 is the top. */
export function ranked(logits: ArrayLike<number>, id: number): Ranked {
  const mine = logits[id] ?? -Infinity;
  let top = -Infinity, rank = 1;
  for (let i = 0; i < logits.length; i++) {
    const v = logits[i]!;
    if (v > top) top = v;
    if (v > mine) rank++;
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - top);
  return { rank, p: Math.exp(mine - top) / sum, total: logits.length };
}
