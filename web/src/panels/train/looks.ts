import { api } from '../../lib/api/client';
import { ApiError, getJson } from '../../lib/api/http';
import type { Tile } from '../../lib/api/tiles';
import type { ModelInfo, Projection, Run, TensorStats } from '../../lib/api/types';

/** What checkpoints answered, kept: scrubbing back and forth asks only once. */
const kept = new Map<string, Promise<unknown>>();
const most = 400;

function once<V>(key: string, ask: () => Promise<V>): Promise<V> {
  const have = kept.get(key) as Promise<V> | undefined;
  if (have) {
    kept.delete(key);
    kept.set(key, have);
    return have;
  }
  const coming = ask();
  kept.set(key, coming);
  coming.catch(() => kept.get(key) === coming && kept.delete(key));
  if (kept.size > most) kept.delete(kept.keys().next().value!);
  return coming;
}

/** Forgets all: the server restarted, or a run was removed and its name may come again. */
export function forgetLooks(): void {
  kept.clear();
}

export const modelOf = (run: string, step: number | string): string => `train:${run}@${step}`;

export const look = {
  model: (model: string): Promise<ModelInfo> => once(`m ${model}`, () => getJson<ModelInfo>('model', { model })),
  run: (model: string, prompt: string): Promise<Run> => once(`r ${model} ${prompt}`, () => api.run(model, { prompt })),
  map: (model: string, n: number): Promise<Projection> => once(`w ${model} ${n}`, () => api.map({ model, n, space: 'embed' })),
  stats: (model: string, tensor: string): Promise<TensorStats> => once(`s ${model} ${tensor}`, () => api.tensorStats(model, tensor)),
  tensor: (model: string, tensor: string): Promise<Tile> => once(`t ${model} ${tensor}`, () => api.tensor(model, tensor)),
  /** An activation of the prompt; a run that the server has dropped is made again. */
  async tile(model: string, prompt: string, point: string, head?: number): Promise<Tile> {
    const ask = async () => api.tile((await look.run(model, prompt)).run, point, head === undefined ? {} : { head });
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'gone')) throw error;
      kept.delete(`r ${model} ${prompt}`);
      return ask();
    }
  }
};
