export type Place = [number, number];

/**
 * Turns and mirrors points so that they lie as closely as possible on others of
 * the same order (orthogonal Procrustes in the plane). Principal components have
 * no direction of their own: without this a map would spin from one checkpoint
 * to the next. Distances stay as they are.
 */
export function align(points: readonly Place[], onto: readonly Place[]): Place[] {
  const plain = turn(points, onto, 1);
  const mirrored = turn(points, onto, -1);
  const best = plain.score >= mirrored.score ? plain : mirrored;
  const c = Math.cos(best.angle), s = Math.sin(best.angle);
  return points.map(([x, y]) => [c * x - s * best.flip * y, s * x + c * best.flip * y]);
}

function turn(points: readonly Place[], onto: readonly Place[], flip: 1 | -1) {
  let dot = 0, cross = 0;
  for (let i = 0; i < Math.min(points.length, onto.length); i++) {
    const [x, y0] = points[i]!, [u, v] = onto[i]!;
    const y = flip * y0;
    dot += x * u + y * v;
    cross += x * v - y * u;
  }
  return { angle: Math.atan2(cross, dot), score: Math.hypot(dot, cross), flip };
}

/** The cosine between two lists of numbers. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : NaN;
}

export interface Agreement {
  /** How much of the probability the two share, 0 … 1 (1 − total variation), on average over positions. */
  overlap: number;
  /** The same between different positions: what two models share that only know which tokens are frequent. */
  elsewhere: number;
  /** At how many positions both hold the same token for likeliest. */
  same: number;
  positions: number;
}

/** Compares two models' logits, rows × cols each, position by position. */
export function agreement(a: ArrayLike<number>, b: ArrayLike<number>, rows: number, cols: number): Agreement {
  const p = Array.from({ length: rows }, (_, r) => softmax(a, r * cols, cols));
  const q = Array.from({ length: rows }, (_, r) => softmax(b, r * cols, cols));
  const shifted = (by: number) => mean(p.map((one, r) => shared(one.shares, q[(r + by) % rows]!.shares)));
  const shifts = Array.from({ length: Math.min(rows - 1, 12) }, (_, i) => i + 1);
  return { overlap: shifted(0), elsewhere: mean(shifts.map(shifted)), same: p.filter((one, r) => one.best === q[r]!.best).length, positions: rows };
}

function shared(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += Math.min(p[i]!, q[i]!);
  return sum;
}

function mean(values: number[]): number {
  return values.length ? values.reduce((sum, v) => sum + v, 0) / values.length : NaN;
}

function softmax(logits: ArrayLike<number>, from: number, n: number): { shares: Float64Array; best: number } {
  const shares = new Float64Array(n);
  let best = 0, sum = 0;
  for (let i = 1; i < n; i++) if (logits[from + i]! > logits[from + best]!) best = i;
  for (let i = 0; i < n; i++) sum += shares[i] = Math.exp(logits[from + i]! - logits[from + best]!);
  for (let i = 0; i < n; i++) shares[i]! /= sum;
  return { shares, best };
}
