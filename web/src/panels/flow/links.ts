/** One crossing: token `to` takes `weight` from token `from`. */
export interface Link {
  from: number;
  to: number;
  weight: number;
}

/**
 * The strongest crossings of some rows of a pattern (row r of data is token r0 + r):
 * at most `most` per row, those of at least `least`, without a token's look at itself,
 * which is drawn by its thread going straight on.
 */
export function strongest(data: ArrayLike<number>, rows: number, cols: number, r0: number, most = 5, least = 0.04): Link[] {
  const out: Link[] = [];
  const row: Link[] = [];
  for (let r = 0; r < rows; r++) {
    const to = r0 + r;
    row.length = 0;
    for (let from = 0; from < Math.min(cols, to); from++) {
      const weight = data[r * cols + from]!;
      if (weight >= least) row.push({ from, to, weight });
    }
    row.sort((a, b) => b.weight - a.weight);
    out.push(...row.slice(0, most));
  }
  return out;
}

/** What a head mostly does on this prompt, in words, from its summary. */
export function habit(first: number, distance: number, entropy: number): string {
  if (first > 0.6) return 'mostly the first token (a sink)';
  if (distance < 1.4 && entropy < 1.4) return 'itself or the token before';
  if (entropy > 3) return 'many tokens at once';
  if (distance > 8) return 'far back';
  return 'nearby tokens';
}
