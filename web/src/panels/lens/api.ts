import { send, stream, type StreamOptions } from '../../lib/api/http';
import type { Candidate, Check, Piece, Provenance } from '../../lib/api/types';

export interface Reading {
  entropy_bits: number;
  kl_bits: number;
  rank: number;
  p: number;
  top: Candidate[];
}

export interface LensDepth {
  point: string;
  layer: number;
  readings: Reading[];
  targets?: { id: number; p: number; rank: number }[][];
}

export interface LensResult {
  provenance: Provenance;
  kind: string;
  tokens: number[];
  positions: number[];
  tied: boolean;
  depths: LensDepth[];
  lock_in: number[];
  checks: Check[];
}

export interface HeadShare {
  head: number;
  value: number;
  sources: number[];
}

export interface LogitPart {
  point: string;
  layer: number;
  part: string;
  value: number;
  heads?: HeadShare[];
  bias: number;
}

export interface Attribution {
  provenance: Provenance;
  position: number;
  token: number;
  against: number | null;
  text: string;
  against_text: string | null;
  p: number;
  logit: number;
  sum: number;
  parts: LogitPart[];
  neurons: { layer: number; neuron: number; activation: number; value: number }[] | null;
  no_neurons?: string;
  sources: number[];
  checks: Check[];
  pieces: Piece[];
}

export interface HeadSummary {
  layer: number;
  head: number;
  kv_head: number;
  first: number;
  distance: number;
  entropy_bits: number;
}

export interface Attention {
  layers: number;
  heads: number;
  summary: HeadSummary[];
  checks: Check[];
}

export interface Thumbs {
  heads: number;
  size: number;
  data: Uint8Array;
}

export interface Effect {
  what: string;
  before: Reading;
  after: Reading;
  logit: [number, number];
  kl_bits: number[];
  reference?: string;
  checks: Check[];
  pieces: Piece[];
  continuation?: { before: { ids: number[]; pieces: Piece[] }; after: { ids: number[]; pieces: Piece[] } };
}

export interface PatchGrid {
  site: string;
  clean: number[];
  corrupted: number[];
  differ: number[];
  right: number;
  wrong: number;
  right_text: string;
  wrong_text: string;
  clean_difference: number;
  corrupted_difference: number;
  layers: number[];
  columns: 'position' | 'head';
  grid: number[][];
  checks: Check[];
  clean_pieces: Piece[];
  corrupted_pieces: Piece[];
}

type Query = Record<string, string | number | undefined>;

function ask<T>(run: string, what: string, query: Query, options: StreamOptions = {}): Promise<T> {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) params.set(key, String(value));
  const text = params.toString();
  return stream<T>(`run/${encodeURIComponent(run)}/${what}${text ? `?${text}` : ''}`, undefined, { ...options, method: 'GET' });
}

export const why = {
  lens: (run: string, query: { top?: number; from?: number; to?: number; targets?: string }, options?: StreamOptions) => ask<LensResult>(run, 'lens', query, options),
  attribution: (run: string, query: { position?: number; token?: number; against?: number; neurons?: number }, options?: StreamOptions) => ask<Attribution>(run, 'attribution', query, options),
  attention: (run: string, options?: StreamOptions) => ask<Attention>(run, 'attention', {}, options),
  change: (run: string, body: { kind: string; targets: string[]; continue: number; top: number }, options?: StreamOptions) =>
    stream<Effect>(`run/${encodeURIComponent(run)}/change`, body, options),
  patch: (body: { model: string; clean: string; corrupted: string; site: string; chat: boolean; right?: number; wrong?: number }, options?: StreamOptions) => stream<PatchGrid>('patch', body, options),
  async thumbs(run: string, layer: number, size: number, signal?: AbortSignal): Promise<Thumbs> {
    const response = await send(`api/run/${encodeURIComponent(run)}/attention/thumbs?layer=${layer}&size=${size}`, { signal });
    const shape = (response.headers.get('X-Weft-Shape') ?? '').split(',').map(Number);
    const data = new Uint8Array(await response.arrayBuffer());
    const [heads = 0, side = 0] = shape;
    if (!heads || data.length !== heads * side * side) throw new Error(`thumbnails of ${shape.join(' × ')} came with ${data.length} bytes`);
    return { heads, size: side, data };
  }
};
