import type { Ask, RunDetail, Recipe, RunInfo } from './types';

/** Texts that runs of this page learned from, by hash: a second seed needs the same one again. */
const texts = new Map<string, string>();

export function remember(sha256: string, text: string): void {
  texts.set(sha256, text);
}

export function recall(sha256: string): string | undefined {
  return texts.get(sha256);
}

/** The same recipe with another seed, or null if the page no longer has the text. */
export function again(run: RunInfo | RunDetail, recipe: Recipe, seed: number, samples: readonly { name: string; sha256: string }[]): Ask | null {
  const sample = samples.find((each) => each.sha256 === run.text.sha256);
  const text = sample ? undefined : recall(run.text.sha256);
  if (!sample && text === undefined) return null;
  return {
    ...(sample ? { sample: sample.name } : { text, text_name: run.text.name }),
    preset: run.preset,
    ...(recipe.horizon.steps ? { steps: recipe.horizon.steps } : { minutes: recipe.horizon.minutes }),
    seed,
    lr: recipe.optimizer.muon_lr || recipe.optimizer.lr,
    batch: recipe.batch,
    seq: recipe.seq,
    vocab: recipe.tokenizer.vocab
  };
}

/** What is wrong with a text to learn from, as a sentence; "" if nothing is. */
export function textProblem(text: string, most: number): string {
  const size = new TextEncoder().encode(text).length;
  if (text.trim() === '') return 'There is no text yet: paste some, drop a file, or take the sample.';
  if (size > most) return `This text has ${(size / 1e6).toFixed(1)} MB and this page sends at most ${(most / 1e6).toFixed(1)} MB. Take a part of it, or train from the command line with weft train.`;
  if (size < 1000) return `This text has ${size} bytes, too few to learn from and to test on. Give it some pages, ten thousand bytes or more.`;
  return '';
}

/** What one should know about a text that can be learned from. */
export function textNote(text: string): string {
  if (text.includes('\ufffd')) return 'Some of this file is not UTF-8 text and was replaced by �; the model will learn that too.';
  const size = new TextEncoder().encode(text).length;
  if (size < 30_000) return 'A short text: the model will soon know it by heart, and do worse on the part it is tested on. That is worth seeing.';
  return '';
}

