/** Where on a map the reader looks: the middle, in the map's own numbers, and pixels per unit. */
export interface View {
  x: number;
  y: number;
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

export type Place = readonly [number, number];

/**
 * The view that shows the places with some air around. Of many, the outermost
 * share on each side may lie outside: a few strays would squeeze all others.
 */
export function fit(points: readonly Place[], size: Size, share = 0.04, air = 48): View {
  const cut = points.length > 20 ? Math.floor(share * points.length) : 0;
  const xs = points.map((p) => p[0]).sort((a, b) => a - b);
  const ys = points.map((p) => p[1]).sort((a, b) => a - b);
  const [x0, x1, y0, y1] = [xs[cut] ?? 0, xs.at(-1 - cut) ?? 0, ys[cut] ?? 0, ys.at(-1 - cut) ?? 0];
  const w = Math.max(1, size.width - 2 * air);
  const h = Math.max(1, size.height - 2 * air);
  const scale = Math.min(w / (x1 - x0 || 1), h / (y1 - y0 || 1));
  return points.length ? { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale } : { x: 0, y: 0, scale: 1 };
}

/** A place on the map as a place on the screen; up is up. */
export function toScreen(point: Place, view: View, size: Size): [number, number] {
  return [size.width / 2 + (point[0] - view.x) * view.scale, size.height / 2 - (point[1] - view.y) * view.scale];
}

/** Zooms by a factor and leaves what is at a place on the screen where it is. */
export function zoom(view: View, factor: number, at: Place, size: Size): View {
  const dx = (at[0] - size.width / 2) / view.scale;
  const dy = -(at[1] - size.height / 2) / view.scale;
  const scale = view.scale * factor;
  return { x: view.x + dx - dx / factor, y: view.y + dy - dy / factor, scale };
}

export function pan(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x - dx / view.scale, y: view.y + dy / view.scale };
}

/** Index of the place nearest to one on the screen, within some pixels; -1: none. */
export function nearest(points: readonly Place[], at: Place, view: View, size: Size, within = 24): number {
  let found = -1;
  let best = within * within;
  points.forEach((point, i) => {
    const [x, y] = toScreen(point, view, size);
    const d = (x - at[0]) ** 2 + (y - at[1]) ** 2;
    if (d <= best) {
      best = d;
      found = i;
    }
  });
  return found;
}

/** The nearest place in one direction from another, for the arrow keys; -1: none is there. */
export function towards(points: readonly Place[], from: number, dx: number, dy: number): number {
  const start = points[from];
  if (!start) return points.length ? 0 : -1;
  let found = -1;
  let best = Infinity;
  points.forEach((point, i) => {
    const along = (point[0] - start[0]) * dx + (point[1] - start[1]) * dy;
    const across = Math.abs((point[0] - start[0]) * dy) + Math.abs((point[1] - start[1]) * dx);
    if (i === from || along <= 0 || along < across) return;
    const cost = along + 2 * across;
    if (cost < best) {
      best = cost;
      found = i;
    }
  });
  return found;
}
