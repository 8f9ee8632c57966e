import { isAbort, messageOf } from '../../lib/api/http';
import type { Progress } from '../../lib/api/types';

/** One question at a time, with how far it is; a new one stops the one before. */
export class Asked<T> {
  value = $state.raw<T | null>(null);
  progress = $state.raw<Progress | null>(null);
  busy = $state(false);
  problem = $state('');
  since = $state(0);

  #stop: AbortController | null = null;

  /** Returns how to stop it, as an effect wants. */
  ask(work: (options: { signal: AbortSignal; onProgress: (p: Progress) => void }) => Promise<T>): () => void {
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.busy = true;
    this.problem = '';
    this.progress = null;
    this.since = Date.now();
    work({ signal: stop.signal, onProgress: (p) => (this.progress = p) })
      .then((value) => {
        if (!stop.signal.aborted) this.value = value;
      })
      .catch((error: unknown) => {
        if (isAbort(error) || stop.signal.aborted) return;
        this.value = null;
        this.problem = messageOf(error);
      })
      .finally(() => {
        if (this.#stop === stop) this.busy = false;
      });
    return () => stop.abort();
  }

  stop(): void {
    this.#stop?.abort();
    this.busy = false;
  }
}
