import { describe, expect, it } from 'vitest';
import { again, remember, textNote, textProblem } from './texts';
import type { Recipe, RunInfo } from './types';

const recipe: Recipe = { seq: 128, batch: 16, horizon: { steps: 300 }, optimizer: { kind: 'muon', lr: 0.003, muon_lr: 0.02 }, tokenizer: { kind: 'bpe', vocab: 512 }, seed: 1 };
const run = (sha256: string) => ({ preset: 'nano', text: { name: 'mine.txt', bytes: 5, sha256 } }) as RunInfo;

describe('the same again', () => {
  it('names the sample instead of sending it', () => {
    expect(again(run('a'), recipe, 2, [{ name: 'stories', sha256: 'a' }])).toEqual({ sample: 'stories', preset: 'nano', steps: 300, seed: 2, lr: 0.02, batch: 16, seq: 128, vocab: 512 });
  });
  it('sends a text that the page still has, and says so if it has not', () => {
    expect(again(run('b'), recipe, 2, [])).toBeNull();
    remember('b', 'words');
    expect(again(run('b'), { ...recipe, horizon: { minutes: 3 }, optimizer: { kind: 'adamw', lr: 0.001 } }, 2, [])).toMatchObject({ text: 'words', text_name: 'mine.txt', minutes: 3, lr: 0.001 });
  });
});

describe('a text', () => {
  it('is refused with what to do', () => {
    expect(textProblem('  ', 1e6)).toMatch(/paste/);
    expect(textProblem('short', 1e6)).toMatch(/5 bytes/);
    expect(textProblem('é'.repeat(600), 1000)).toMatch(/weft train/);
    expect(textProblem('x'.repeat(2000), 1e6)).toBe('');
  });
  it('is remarked on where that helps', () => {
    expect(textNote(`a\ufffd`)).toMatch(/UTF-8/);
    expect(textNote('x'.repeat(2000))).toMatch(/short/);
    expect(textNote('x'.repeat(40_000))).toBe('');
  });
});
