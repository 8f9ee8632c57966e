export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/**
 * Divides a box into boxes whose areas stand like the sizes, each as near to a
 * square as a greedy choice makes it (Bruls, Huizing, van Wijk: Squarified
 * Treemaps, 2000). Sizes must be from large to small; the order is kept.
 */
export function squarify(sizes: readonly number[], into: Box): Box[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const out: Box[] = [];
  if (!(total > 0)) return sizes.map(() => ({ ...into, w: 0, h: 0 }));
  const scale = (into.w * into.h) / total;
  let rest = { ...into };
  let from = 0;
  while (from < sizes.length) {
    const side = Math.min(rest.w, rest.h);
    let to = from + 1;
    let sum = sizes[from]! * scale;
    let best = worst(sizes, from, to, sum, side, scale);
    while (to < sizes.length) {
      const more = sum + sizes[to]! * scale;
      const next = worst(sizes, from, to + 1, more, side, scale);
      if (next > best) break;
      best = next;
      sum = more;
      to++;
    }
    rest = lay(sizes, from, to, sum, rest, scale, out);
    from = to;
  }
  return out;
}

// worst is the largest ratio of sides in a row of the sizes from … to.
function worst(sizes: readonly number[], from: number, to: number, sum: number, side: number, scale: number): number {
  const large = sizes[from]! * scale;
  const small = sizes[to - 1]! * scale;
  if (small <= 0 || sum <= 0) return Infinity;
  return Math.max((side * side * large) / (sum * sum), (sum * sum) / (side * side * small));
}

// lay puts a row along the shorter side and gives back what is left.
function lay(sizes: readonly number[], from: number, to: number, sum: number, into: Box, scale: number, out: Box[]): Box {
  const tall = into.w >= into.h;
  const thick = tall ? (into.h > 0 ? sum / into.h : 0) : into.w > 0 ? sum / into.w : 0;
  let at = 0;
  for (let i = from; i < to; i++) {
    const long = thick > 0 ? (sizes[i]! * scale) / thick : 0;
    out.push(tall ? { x: into.x, y: into.y + at, w: thick, h: long } : { x: into.x + at, y: into.y, w: long, h: thick });
    at += long;
  }
  return tall ? { x: into.x + thick, y: into.y, w: Math.max(0, into.w - thick), h: into.h } : { x: into.x, y: into.y + thick, w: into.w, h: Math.max(0, into.h - thick) };
}
