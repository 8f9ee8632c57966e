import type { Candidate, Run } from '../../lib/api/types';
import type { Theme } from '../../lib/color';
import { middle, number, percent } from '../../lib/format';
import { visible } from '../../lib/tokens';
import type { Palette } from './palette';
import { cellsOf, span, within, type Stage } from './stages';
import type { Piece, Tiles } from './tiles.svelte';
import type { View } from './Viewport.svelte';

export const header = 50;

export interface Focus {
  row: number;
  stage: number;
  /** Which number of the column's vector; -1: none. */
  col: number;
}

export interface Scene {
  run: Run;
  stages: readonly Stage[];
  tiles: Tiles;
  theme: Theme;
  colours: Palette;
  row: number;
  /** Which thread is followed, and where on it; null: none. */
  focus: Focus | null;
  pinned: Focus | null;
  /** Stages after this one have not happened yet; Infinity: all have. */
  until: number;
  candidates: readonly Candidate[];
  /** Which candidate is knotted on. */
  choice: number;
  hidden: boolean;
}

const barHeight = 20;

/** Where the middle of a thread is. */
export function middleOf(row: number, height: number): number {
  return header + row * height + height / 2;
}

export function heightOf(tokens: number, candidates: number, row: number): number {
  return header + Math.max((tokens + 1) * row + 22, candidates * barHeight + 44);
}

/** Where the first bar of the probabilities begins. */
export function barsTop(tokens: number, candidates: number, row: number): number {
  const size = candidates * barHeight;
  return Math.max(header + 8, Math.min(middleOf(tokens - 1, row) - size / 2 - 12, heightOf(tokens, candidates, row) - size - 30));
}

/** Which candidate's bar is at y; -1: none. */
export function barAt(y: number, tokens: number, candidates: number, row: number): number {
  const i = Math.floor((y - barsTop(tokens, candidates, row)) / barHeight);
  return i >= 0 && i < candidates ? i : -1;
}

export function ribbonHeight(row: number): number {
  return Math.min(16, row - 10);
}

/** Draws what can be seen of the loom. */
export function drawLoom(c: CanvasRenderingContext2D, view: View, scene: Scene): void {
  const { colours, stages, run, row } = scene;
  c.fillStyle = colours.paper;
  c.fillRect(0, 0, view.width, view.height);
  if (!stages.length) return;
  scene.tiles.begin(run.run, scene.theme);
  const first = Math.max(0, Math.floor((view.y - header) / row));
  const last = Math.min(run.ids.length - 1, Math.ceil((view.y + view.height - header) / row));
  const seen = within(stages, view.x - 8, view.x + view.width + 8);
  c.save();
  c.translate(-view.x, -view.y);
  bands(c, view, scene, seen.first, seen.last);
  threads(c, view, scene, first, last);
  for (let s = seen.first; s <= seen.last; s++) {
    const stage = stages[s]!;
    if (s > scene.until) break;
    if (stage.draws === 'crossing') crossings(c, scene, stage, first, last);
    else if (stage.draws === 'ribbon' || stage.draws === 'pattern') ribbons(c, scene, s, first, last);
    else if (stage.draws === 'bytes' || stage.draws === 'token') words(c, scene, stage, first, last);
    else if (stage.draws === 'fan') fan(c, scene, stage);
  }
  marks(c, scene);
  if (last === run.ids.length - 1 && !scene.hidden && scene.until >= stages.length - 1) unwoven(c, view, scene);
  c.restore();
  labels(c, view, scene, first, last);
  heads(c, view, scene, seen.first, seen.last);
}

/** Blocks are warp: bands from top to bottom that the threads go through. */
function bands(c: CanvasRenderingContext2D, view: View, { stages, colours, until }: Scene, from: number, to: number): void {
  for (let s = from; s <= to; s++) {
    const stage = stages[s]!;
    if (stage.draws !== 'crossing' && !stage.inside) continue;
    c.globalAlpha = s > until ? 0.3 : stage.inside ? 0.5 : 0.75;
    c.fillStyle = colours.cell;
    const before = stage.inside && stages[s - 1]?.inside ? 26 : 0;
    c.fillRect(stage.x - before, view.y, stage.width + before, view.height);
  }
  c.globalAlpha = 1;
}

function threads(c: CanvasRenderingContext2D, view: View, scene: Scene, first: number, last: number): void {
  const { stages, colours, row, focus, until, run } = scene;
  const start = stages.findIndex((stage) => stage.draws === 'ribbon');
  const fanStage = stages.at(-1)!;
  const x0 = Math.max(view.x, stages[Math.max(0, start)]!.x - 26);
  const reached = until >= stages.length ? fanStage.x - 26 : stages[Math.max(0, Math.min(until, stages.length - 1))]!.x + stages[Math.max(0, Math.min(until, stages.length - 1))]!.width;
  const x1 = Math.min(view.x + view.width, reached, fanStage.x - 26);
  if (x1 <= x0) return;
  // Only the last token's vector goes on to the vocabulary.
  const others = Math.max(x0, Math.min(x1, (stages.find((stage) => stage.id === 'logits')?.x ?? x1) - 26));
  const line = (i: number) => {
    c.moveTo(x0, middleOf(i, row));
    c.lineTo(i === run.ids.length - 1 ? x1 : others, middleOf(i, row));
  };
  c.strokeStyle = colours.made;
  c.globalAlpha = focus ? 0.22 : 0.4;
  c.lineWidth = 1.25;
  c.beginPath();
  for (let i = first; i <= last; i++) if (i !== focus?.row) line(i);
  c.stroke();
  if (focus && focus.row >= first && focus.row <= last) {
    c.globalAlpha = 1;
    c.lineWidth = 2.5;
    c.beginPath();
    line(focus.row);
    c.stroke();
  }
  c.globalAlpha = 1;
}

function ribbons(c: CanvasRenderingContext2D, scene: Scene, s: number, first: number, last: number): void {
  const { stages, tiles, theme, row, colours, focus, run } = scene;
  const stage = stages[s]!;
  const only = stage.point === 'logits' ? run.ids.length - 1 : -1;
  const height = stage.draws === 'pattern' ? row - 2 : ribbonHeight(row);
  c.imageSmoothingEnabled = false;
  for (let i = only >= 0 ? Math.max(first, only) : first; i <= last; i++) {
    const y = middleOf(i, row) - height / 2;
    const piece = tiles.get(stage, i, theme);
    c.globalAlpha = focus ? 0.55 : 1;
    if (!piece) {
      c.fillStyle = colours.line;
      c.globalAlpha *= 0.6;
      c.fillRect(stage.x, y, stage.width, height);
      continue;
    }
    // All rows of a piece at once, laid out as they stand on the page.
    const strip = stripOf(piece, stage, row, height);
    const from = i - piece.r0, to = Math.min(last - piece.r0, piece.tile.rows - 1);
    c.drawImage(strip, 0, from * row, stage.width, (to - from + 1) * row, stage.x, header + i * row, stage.width, (to - from + 1) * row);
    if (focus && focus.row >= i && focus.row <= piece.r0 + to) {
      c.globalAlpha = 1;
      c.drawImage(strip, 0, (focus.row - piece.r0) * row, stage.width, row, stage.x, header + focus.row * row, stage.width, row);
    }
    i = piece.r0 + to;
  }
  c.globalAlpha = 1;
  if (focus?.stage === s && focus.col >= 0 && (only < 0 || focus.row === only)) frame(c, scene, stage, focus, colours.ink);
}

/** A piece's rows in their distances, drawn once. */
function stripOf(piece: Piece, stage: Stage, row: number, height: number): HTMLCanvasElement {
  const { tile, image, strip } = piece;
  if (strip?.row === row && strip.theme === piece.theme) return strip.canvas;
  const canvas = document.createElement('canvas');
  canvas.width = stage.width;
  canvas.height = tile.rows * row;
  const c = canvas.getContext('2d');
  if (c) {
    c.imageSmoothingEnabled = false;
    for (let r = 0; r < tile.rows; r++) c.drawImage(image, 0, r, tile.cols, 1, 0, r * row + (row - height) / 2, stage.width, height);
  }
  piece.strip = { canvas, row, theme: piece.theme };
  return canvas;
}

/** Frames the cell that holds a number; it is at least wide enough to be seen. */
function frame(c: CanvasRenderingContext2D, { row }: Scene, stage: Stage, at: Focus, colour: string): void {
  const height = stage.draws === 'pattern' ? row - 2 : ribbonHeight(row);
  const wide = Math.max(4, stage.width / stage.cols);
  const x = stage.x + ((at.col + 0.5) / stage.cols) * stage.width - wide / 2;
  c.strokeStyle = colour;
  c.lineWidth = 1.5;
  c.strokeRect(x - 1, middleOf(at.row, row) - height / 2 - 1.5, wide + 2, height + 3);
}

function marks(c: CanvasRenderingContext2D, scene: Scene): void {
  const { pinned, stages, colours } = scene;
  const stage = pinned && stages[pinned.stage];
  if (pinned && stage?.cols) frame(c, scene, stage, pinned, colours.likely);
}

/** Which threads take from which, inside a closed block. */
function crossings(c: CanvasRenderingContext2D, scene: Scene, stage: Stage, first: number, last: number): void {
  const { tiles, theme, row, colours, focus } = scene;
  const x0 = stage.x, x1 = stage.x + stage.width;
  const paths = [0.1, 0.22, 0.4, 0.65, 0.95].map((alpha) => ({ alpha, path: new Path2D() }));
  const bright: { weight: number; path: Path2D }[] = [];
  for (let from = first - (first % 64); from <= last; from += 64) {
    for (const link of tiles.get(stage, from, theme)?.links ?? []) {
      if (link.to < first || link.to > last) continue;
      const a = middleOf(link.from, row), b = middleOf(link.to, row);
      const mine = focus?.row === link.to;
      const path = mine ? new Path2D() : paths[Math.min(4, Math.floor(link.weight * 5))]!.path;
      if (link.from < first && !mine) {
        // What comes from far above is a stub: hundreds of long curves would be a wall, and slow.
        path.moveTo(x0 + stage.width * 0.48, b - row * 1.15);
        path.quadraticCurveTo(x0 + stage.width * 0.5, b, x1 - 4, b);
      } else {
        path.moveTo(x0 + 4, a);
        path.bezierCurveTo(x0 + stage.width * 0.55, a, x0 + stage.width * 0.45, b, x1 - 4, b);
      }
      if (mine) bright.push({ weight: link.weight, path });
    }
  }
  c.strokeStyle = colours.looked;
  c.lineWidth = 1.4;
  for (const { alpha, path } of paths) {
    c.globalAlpha = focus ? alpha * 0.3 : alpha;
    c.stroke(path);
  }
  for (const { weight, path } of bright) {
    c.globalAlpha = 0.35 + 0.65 * weight;
    c.lineWidth = 1 + 4 * weight;
    c.stroke(path);
  }
  c.globalAlpha = 1;
}

const encoder = new TextEncoder();

function words(c: CanvasRenderingContext2D, scene: Scene, stage: Stage, first: number, last: number): void {
  const { run, row, colours, focus } = scene;
  c.font = `12px ${colours.mono}`;
  c.textBaseline = 'middle';
  for (let i = first; i <= last; i++) {
    const piece = run.pieces[i]!;
    const y = middleOf(i, row);
    c.globalAlpha = focus && focus.row !== i ? 0.6 : 1;
    if (stage.draws === 'token') {
      c.fillStyle = colours.made;
      c.textAlign = 'right';
      c.fillText(String(piece.id), stage.x + stage.width, y);
    } else {
      const raw = piece.bytes ?? [...encoder.encode(piece.text)];
      const hex = raw.map((byte) => byte.toString(16).padStart(2, '0'));
      c.fillStyle = colours.muted;
      c.textAlign = 'left';
      c.fillText(hex.length > 5 ? `${hex.slice(0, 3).join(' ')} … ${hex.at(-1)}` : hex.join(' '), stage.x, y);
    }
  }
  c.globalAlpha = 1;
}

/** The last thread's end fans out into the vocabulary; the chosen token goes back as a new thread. */
function fan(c: CanvasRenderingContext2D, scene: Scene, stage: Stage): void {
  const { candidates, choice, row, colours, run, hidden } = scene;
  const n = run.ids.length;
  const y0 = middleOf(n - 1, row);
  const top = barsTop(n, candidates.length, row);
  const x = stage.x + 84, room = stage.width - 84 - 58;
  const most = candidates[0]?.p || 1;
  c.textBaseline = 'middle';
  candidates.forEach((candidate, i) => {
    const y = top + i * barHeight + barHeight / 2;
    const share = hidden ? 0 : candidate.p / most;
    c.strokeStyle = colours.likely;
    c.globalAlpha = hidden ? 0.25 : 0.25 + 0.6 * share;
    c.lineWidth = 1 + 5 * share;
    c.beginPath();
    c.moveTo(stage.x - 26, y0);
    c.bezierCurveTo(stage.x - 4, y0, stage.x - 14, y, stage.x + 6, y);
    c.stroke();
    c.globalAlpha = 1;
    c.textAlign = 'left';
    c.font = `${i === choice ? '600 ' : ''}12px ${colours.mono}`;
    c.fillStyle = colours.ink;
    c.fillText(hidden ? '?' : middle(visible(candidate), 9), stage.x + 10, y);
    c.fillStyle = colours.cell;
    c.fillRect(x, y - 5, room, 10);
    if (hidden) return;
    c.fillStyle = colours.likely;
    c.fillRect(x, y - 5, Math.max(1, room * candidate.p), 10);
    c.fillStyle = colours.muted;
    c.textAlign = 'right';
    c.font = `12px ${colours.mono}`;
    c.fillText(percent(candidate.p), stage.x + stage.width, y);
  });
  const chosen = candidates[choice];
  if (!chosen || hidden) return;
  loop(c, scene, stage, top + choice * barHeight + barHeight / 2, Math.max(top + candidates.length * barHeight + 10, middleOf(n, row)));
  c.fillStyle = colours.likely;
  c.textAlign = 'right';
  c.font = `12px ${colours.sans}`;
  c.fillText('the chosen token becomes the next thread', stage.x - 34, middleOf(n, row) - 9);
}

/** Where the chosen token will run: its thread is not woven yet. */
function unwoven(c: CanvasRenderingContext2D, view: View, { run, row, colours, stages }: Scene): void {
  const y = middleOf(run.ids.length, row);
  c.strokeStyle = colours.likely;
  c.lineWidth = 1.5;
  c.globalAlpha = 0.6;
  c.setLineDash([5, 4]);
  c.lineDashOffset = view.x;
  c.beginPath();
  c.moveTo(Math.max(view.x, stages[0]!.width + 8), y);
  c.lineTo(Math.min(view.x + view.width, stages.at(-1)!.x - 30), y);
  c.stroke();
  c.setLineDash([]);
  c.lineDashOffset = 0;
  c.globalAlpha = 1;
}

function loop(c: CanvasRenderingContext2D, { row, colours, run }: Scene, stage: Stage, from: number, below: number): void {
  const y = middleOf(run.ids.length, row);
  const right = stage.x + stage.width + 8, left = stage.x - 22;
  c.strokeStyle = colours.likely;
  c.lineWidth = 1.75;
  c.setLineDash([5, 4]);
  c.beginPath();
  c.moveTo(right - 6, from);
  c.arcTo(right, from, right, from + 8, 6);
  c.arcTo(right, below, right - 8, below, 8);
  c.arcTo(left, below, left, y, Math.min(8, Math.abs(below - y) / 2));
  c.arcTo(left, y, left - 8, y, Math.min(8, Math.abs(below - y) / 2));
  c.stroke();
  c.setLineDash([]);
}

/** The text column stays on the left, so that one always knows whose thread it is. */
function labels(c: CanvasRenderingContext2D, view: View, scene: Scene, first: number, last: number): void {
  const { stages, colours, run, row, focus, candidates, choice, hidden, until } = scene;
  const wide = stages[0]!.width;
  c.fillStyle = colours.paper;
  c.fillRect(0, 0, wide + 6, view.height);
  c.textBaseline = 'middle';
  c.textAlign = 'left';
  const added = new Set(run.added);
  for (let i = first; i <= last; i++) {
    const y = middleOf(i, row) - view.y;
    const followed = focus?.row === i;
    c.font = `${followed ? '600 ' : ''}13px ${colours.mono}`;
    c.globalAlpha = focus && !followed ? 0.65 : 1;
    c.fillStyle = added.has(i) ? colours.chosen : colours.ink;
    c.fillText(middle(visible(run.pieces[i]!), 10), 2, y);
  }
  c.globalAlpha = 1;
  const chosen = candidates[choice];
  if (chosen && !hidden && last === run.ids.length - 1 && until >= stages.length - 1) {
    c.font = `italic 13px ${colours.mono}`;
    c.fillStyle = colours.likely;
    c.fillText(middle(visible(chosen), 10), 2, middleOf(run.ids.length, row) - view.y);
  }
}

function heads(c: CanvasRenderingContext2D, view: View, scene: Scene, from: number, to: number): void {
  const { stages, colours, focus, tiles, theme, until } = scene;
  c.fillStyle = colours.paper;
  c.fillRect(0, 0, view.width, header - 4);
  c.textBaseline = 'alphabetic';
  c.textAlign = 'left';
  const one = (s: number, x: number) => {
    const stage = stages[s]!;
    c.globalAlpha = s > until ? 0.35 : 1;
    c.fillStyle = focus?.stage === s ? colours.ink : stage.kind ? colours[stage.kind] : colours.ink;
    c.font = `600 13px ${colours.sans}`;
    c.fillText(stage.draws === 'crossing' ? `${stage.title} ${stage.inside ? '◂' : '▸'}` : stage.title, x, 17);
    c.fillStyle = colours.muted;
    c.font = `12px ${colours.sans}`;
    let note = stage.note;
    const row = Math.max(0, Math.floor((view.y - 0) / scene.row));
    if (stage.draws === 'ribbon') {
      const piece = tiles.get(stage, stage.point === 'logits' ? scene.run.ids.length - 1 : Math.min(row, scene.run.ids.length - 1), theme);
      if (piece?.scale.type === 'diverging') note = `${note}${note ? '  ' : ''}±${number(piece.scale.limit, 2)}`;
    }
    c.save();
    c.beginPath();
    c.rect(x, 18, stage.width + 22, 20);
    c.clip();
    c.fillText(note, x, 34);
    c.restore();
  };
  c.save();
  c.beginPath();
  c.rect(stages[0]!.width + 6, 0, view.width, header);
  c.clip();
  for (let s = Math.max(1, from); s <= to; s++) one(s, stages[s]!.x - view.x);
  c.restore();
  one(0, 2);
  c.globalAlpha = 1;
  c.fillStyle = colours.line;
  c.fillRect(0, header - 4, view.width, 1);
}

/** The numbers that the cell under a pointer stands for. */
export function numbersAt(stage: Stage, x: number): { cell: number; cells: number; from: number; to: number } | null {
  if (!stage.cols || x < stage.x || x >= stage.x + stage.width) return null;
  const cells = cellsOf(stage);
  const cell = Math.min(cells - 1, Math.floor(((x - stage.x) / stage.width) * cells));
  const [from, to] = span(cell, cells, stage.cols);
  return { cell, cells, from, to };
}
