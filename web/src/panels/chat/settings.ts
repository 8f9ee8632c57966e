import type { Sampling } from '../../lib/api/types';

/** A sampling option as the page offers it; param is its name in the address. */
export interface Setting {
  key: keyof Sampling;
  param: string;
  name: string;
  word: string;
  min: number;
  max?: number;
  step: number | 'any';
}

export const settings: readonly Setting[] = [
  { key: 'temp', param: 'temp', name: 'temperature', word: 'temperature', min: 0, step: 'any' },
  { key: 'top_k', param: 'topk', name: 'top-k', word: 'top-k', min: 0, step: 1 },
  { key: 'top_p', param: 'topp', name: 'top-p', word: 'top-p', min: 0, max: 1, step: 'any' },
  { key: 'min_p', param: 'minp', name: 'min-p', word: 'min-p', min: 0, max: 1, step: 'any' },
  { key: 'repeat_penalty', param: 'repeat', name: 'repeat penalty', word: 'repeat penalty', min: 0, step: 'any' },
  { key: 'seed', param: 'seed', name: 'seed', word: 'seed', min: 0, step: 1 }
];

/** The options that the address changes; the model's own stand for the rest. */
export function samplingOf(params: Readonly<Record<string, string>>): Partial<Sampling> {
  const out: Partial<Sampling> = {};
  for (const setting of settings) {
    const text = params[setting.param];
    const value = Number(text);
    if (text !== undefined && text !== '' && Number.isFinite(value)) out[setting.key] = value;
  }
  return out;
}
