import { isAbort, messageOf } from '../../lib/api/http';
import type { Check, Progress } from '../../lib/api/types';
import { session } from '../../lib/session.svelte';
import { why, type LensResult } from './api';

/** Tokens that are read together: each depth costs a product with the vocabulary per token. */
export const chunk = 16;

/** The lens of the columns on screen, fetched a few at a time, the leftmost first. */
export class Columns {
  version = $state(0);
  progress = $state.raw<Progress | null>(null);
  busy = $state(false);
  since = $state(0);
  problem = $state('');
  checks = $state.raw<Check[]>([]);

  #have = new Map<number, LensResult>();
  #failed = new Set<number>();
  #wanted: number[] = [];
  #stop: AbortController | null = null;

  constructor(readonly tokens: number) {}

  get(position: number): { part: LensResult; at: number } | undefined {
    const from = position - (position % chunk);
    const part = this.#have.get(from);
    return part && { part, at: position - from };
  }

  /** Says which columns are on screen. */
  want(first: number, last: number): void {
    this.#wanted = [];
    for (let from = first - (first % chunk); from <= last; from += chunk) {
      if (!this.#have.has(from) && !this.#failed.has(from)) this.#wanted.push(from);
    }
    if (!this.#stop) void this.#next();
  }

  retry(): void {
    this.#failed.clear();
    this.problem = '';
    this.version++;
  }

  close(): void {
    this.#stop?.abort();
    this.#wanted = [];
  }

  async #next(): Promise<void> {
    const from = this.#wanted.shift();
    if (from === undefined) {
      this.busy = false;
      return;
    }
    if (!this.busy) this.since = Date.now();
    this.busy = true;
    const stop = (this.#stop = new AbortController());
    try {
      const part = await session.asking((run) =>
        why.lens(run, { top: 1, from, to: Math.min(this.tokens, from + chunk) }, { signal: stop.signal, onProgress: (p) => (this.progress = p) }));
      this.#have.set(from, part);
      this.checks = part.checks;
      this.version++;
    } catch (error) {
      if (isAbort(error)) return;
      this.#failed.add(from);
      this.problem = messageOf(error);
    } finally {
      this.#stop = null;
    }
    void this.#next();
  }
}
