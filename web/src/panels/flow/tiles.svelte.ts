import { isAbort, messageOf } from '../../lib/api/http';
import { Lru } from '../../lib/api/lru';
import type { Tile } from '../../lib/api/tiles';
import { limitOf, paint, type Scale, type Theme } from '../../lib/color';
import { session } from '../../lib/session.svelte';
import { strongest, type Link } from './links';
import { cellsOf, type Stage } from './stages';

/** Rows of a matrix that are fetched together. */
export const chunk = 64;

export interface Piece {
  tile: Tile;
  scale: Scale;
  r0: number;
  theme: Theme;
  image: HTMLCanvasElement;
  links?: Link[];
  /** The rows laid out as they are drawn, with what that depended on. */
  strip?: { canvas: HTMLCanvasElement; row: number; theme: Theme };
}

interface Ask {
  key: string;
  stage: Stage;
  r0: number;
  w: number;
}

/**
 * The pieces of matrices that are on screen. Drawing asks for them; what is not
 * there yet is fetched, and what goes off the screen meanwhile is stopped.
 */
export class Tiles {
  /** Grows when something came: whoever draws reads it. */
  version = $state(0);
  problem = $state('');
  /** How many pieces are on their way, and since when there are any. */
  waiting = $state(0);
  since = $state(0);

  #run = '';
  #have = new Lru<Piece>(128 << 20);
  #queue: Ask[] = [];
  #going = new Map<string, AbortController>();
  #wanted = new Set<string>();
  #failed = new Set<string>();
  #started = false;

  /** Begins a drawing: of what was wanted before only what is wanted again is fetched. */
  begin(run: string, theme: Theme): void {
    if (run !== this.#run) {
      this.#run = run;
      this.#have.clear();
      this.#failed.clear();
    }
    this.#queue = [];
    this.#wanted.clear();
    if (this.#started) return;
    this.#started = true;
    queueMicrotask(() => {
      this.#started = false;
      for (const [key, stop] of this.#going) if (!this.#wanted.has(key)) stop.abort();
      this.#next(theme);
    });
  }

  /** Stops what is on its way. */
  close(): void {
    this.#queue = [];
    for (const stop of this.#going.values()) stop.abort();
  }

  /** The piece of a stage that holds a row, if it is here; else it is fetched. */
  get(stage: Stage, row: number, theme: Theme): Piece | undefined {
    if (!stage.point) return undefined;
    // The head on the last stream costs a product with the vocabulary per row: one row is enough.
    const r0 = stage.point === 'logits' ? row : row - (row % chunk);
    const w = stage.cols ? cellsOf(stage) : 0;
    const key = `${this.#run}|${stage.point}|${stage.head ?? ''}|${r0}|${stage.draws === 'crossing' ? 'links' : w}`;
    this.#wanted.add(key);
    const found = this.#have.get(key);
    if (found) {
      if (found.theme !== theme) repaint(found, theme);
      return found;
    }
    if (!this.#going.has(key) && !this.#failed.has(key) && !this.#queue.some((ask) => ask.key === key)) {
      this.#queue.push({ key, stage, r0, w });
    }
    return undefined;
  }

  retry(): void {
    this.#failed.clear();
    this.problem = '';
    this.version++;
  }

  #next(theme: Theme): void {
    while (this.#going.size < 4 && this.#queue.length) {
      const ask = this.#queue.shift()!;
      const stop = new AbortController();
      this.#going.set(ask.key, stop);
      void this.#fetch(ask, theme, stop.signal).finally(() => {
        this.#going.delete(ask.key);
        this.#next(theme);
      });
    }
    const waiting = this.#going.size + this.#queue.length;
    if (waiting && !this.waiting) this.since = Date.now();
    this.waiting = waiting;
  }

  async #fetch({ key, stage, r0, w }: Ask, theme: Theme, signal: AbortSignal): Promise<void> {
    const run = this.#run;
    const r1 = stage.point === 'logits' ? r0 + 1 : r0 + chunk;
    try {
      const tile = await session.tile(stage.point!, { head: stage.head, r0, r1, ...(w ? { w } : {}) }, signal);
      if (run !== this.#run) return;
      const scale: Scale = stage.kind === 'looked' ? { type: 'sequential', kind: 'looked', limit: 1 } : { type: 'diverging', limit: limitOf(tile.robust, tile.range) };
      const piece: Piece = { tile, scale, r0, theme, image: document.createElement('canvas') };
      if (stage.draws === 'crossing') piece.links = strongest(tile.data, tile.rows, tile.cols, r0);
      else repaint(piece, theme);
      this.#have.set(key, piece, tile.data.byteLength * 2 + (piece.links ? 0 : 4 * stage.width * tile.rows * 30) + 1024);
      this.version++;
    } catch (error) {
      if (isAbort(error) || run !== this.#run) return;
      this.#failed.add(key);
      this.problem = messageOf(error);
    }
  }
}

function repaint(piece: Piece, theme: Theme): void {
  piece.theme = theme;
  if (piece.links) return;
  const { tile, image, scale } = piece;
  image.width = tile.cols;
  image.height = tile.rows;
  const context = image.getContext('2d');
  if (!context) return;
  const pixels = context.createImageData(tile.cols, tile.rows);
  paint(tile.data, new Uint32Array(pixels.data.buffer), scale, theme);
  context.putImageData(pixels, 0, 0);
}
