import { getJson, postJson, stream, type StreamOptions, type Value } from './http';
import { tile, type Region, type Tile } from './tiles';
import type * as T from './types';

export type Prompt = { prompt: string; chat?: boolean } | { ids: number[] };

/** Every endpoint that more than one panel asks; a panel's own are beside it. */
export const api = {
  state: (signal?: AbortSignal) => getJson<T.ServerState>('state', {}, signal),
  models: (signal?: AbortSignal) => getJson<{ models: T.ModelEntry[] }>('models', {}, signal),
  open: (model: string, options?: StreamOptions) => stream<T.ModelInfo>('open', { model }, options),
  tokenize: (body: { text?: string; messages?: T.Message[]; model: string; special?: boolean }, signal?: AbortSignal) =>
    postJson<T.Tokenized>('tokenize', body, signal),
  run: (model: string, prompt: Prompt, options?: StreamOptions) => stream<T.Run>('run', { model, top: 10, ...prompt }, options),
  tile: (run: string, point: string, where: Region & { head?: number } = {}, signal?: AbortSignal): Promise<Tile> =>
    tile(`run/${encodeURIComponent(run)}/tile`, { point, ...where }, signal),
  cell: (run: string, where: { point: string; head?: number; row: number; col: number }, signal?: AbortSignal) =>
    getJson<T.Cell>(`run/${encodeURIComponent(run)}/cell`, where, signal),
  tensor: (model: string, name: string, where: Region = {}, signal?: AbortSignal): Promise<Tile> =>
    tile('model/tensor', { model, name, ...where }, signal),
  tensorStats: (model: string, name: string, signal?: AbortSignal) => getJson<T.TensorStats>('model/tensor/stats', { model, name }, signal),
  heads: (model: string, options?: StreamOptions) => stream<T.HeadCard>('model/heads', { model }, options),
  near: (query: { model: string; plus: string; minus?: string; space?: string; n?: number }, signal?: AbortSignal) =>
    getJson<T.Neighbours>('words/near', query, signal),
  map: (query: Record<string, Value>, signal?: AbortSignal) => getJson<T.Projection>('words/map', query, signal),
  find: (model: string, q: string, signal?: AbortSignal) => getJson<{ pieces: T.Piece[] }>('words/find', { model, q }, signal)
};
