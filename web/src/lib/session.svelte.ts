import { api } from './api/client';
import { ApiError, isAbort, messageOf, type StreamOptions } from './api/http';
import type { Region, Tile } from './api/tiles';
import type { Cell, Progress, Run } from './api/types';
import { app } from './app.svelte';
import { router } from './router.svelte';

/** What an address says about one text and no other: a change of the text drops it. */
export const fresh = { then: null, pin: null, at: null, depth: null, follow: null, token: null, against: null } as const;

export const firstPrompt = 'To be, or not to be';

/** One pass of a prompt through the model, which Flow, Lens and Words look at together. */
class Session {
  run = $state.raw<Run | null>(null);
  progress = $state.raw<Progress | null>(null);
  busy = $state(false);
  problem = $state('');
  since = $state(0);

  #stop: AbortController | null = null;
  #key = '';
  #again: Promise<Run> | null = null;

  get prompt(): string {
    return router.text('prompt');
  }

  get chat(): boolean {
    return router.flag('chat');
  }

  /** Tokens that were knotted on behind the prompt, one by one. */
  get then(): number[] {
    return router.text('then').split(',').filter((id) => /^\d+$/.test(id)).map(Number);
  }

  /** Runs the address's prompt, unless that is what was run last. An empty prompt is no run. */
  ensure(): void {
    const key = JSON.stringify([app.model, this.prompt, this.chat, this.then, app.epoch]);
    if (!app.info) {
      // Another model is on its way: what the one before made of the prompt is no longer asked.
      this.stop();
      this.run = null;
      this.#key = '';
      return;
    }
    if (key === this.#key) return;
    this.#key = key;
    if (this.prompt === '') {
      this.stop();
      this.run = null;
      this.problem = '';
      return;
    }
    void this.#start();
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.busy = false;
  }

  /** Asks for the same again after it was stopped or failed. */
  retry(): void {
    this.#key = '';
    this.ensure();
  }

  tile(point: string, where: Region & { head?: number } = {}, signal?: AbortSignal): Promise<Tile> {
    return this.asking((run) => api.tile(run, point, where, signal));
  }

  cell(where: { point: string; head?: number; row: number; col: number }, signal?: AbortSignal): Promise<Cell> {
    return this.asking((run) => api.cell(run, where, signal));
  }

  /** Asks something about the run; if the server has dropped it, runs it again first. */
  async asking<V>(ask: (run: string) => Promise<V>): Promise<V> {
    const run = this.run;
    if (!run) throw new ApiError('gone', 'There is no run yet: give a prompt first.');
    try {
      return await ask(run.run);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'gone')) throw error;
      this.#again ??= api.run(app.model, { ids: run.ids }).finally(() => (this.#again = null));
      return ask((await this.#again).run);
    }
  }

  /** The prompt as it is, or with what was knotted on: then the tokens count, not the text they spell. */
  async #ask(options: StreamOptions): Promise<Run> {
    const then = this.then;
    if (!then.length) return api.run(app.model, { prompt: this.prompt, chat: this.chat }, options);
    const text = this.chat ? { messages: [{ role: 'user' as const, content: this.prompt }] } : { text: this.prompt };
    const before = await api.tokenize({ ...text, model: app.model }, options.signal);
    const run = await api.run(app.model, { ids: [...before.ids, ...then] }, options);
    return { ...run, added: before.added };
  }

  async #start(): Promise<void> {
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.busy = true;
    this.problem = '';
    this.progress = null;
    this.since = Date.now();
    try {
      const run = await this.#ask({ signal: stop.signal, onProgress: (p) => (this.progress = p) });
      if (!stop.signal.aborted) this.run = run;
    } catch (error) {
      if (isAbort(error) || stop.signal.aborted) return;
      this.run = null;
      this.problem = messageOf(error);
    } finally {
      if (this.#stop === stop) {
        this.busy = false;
        this.#stop = null;
      }
    }
  }
}

export const session = new Session();
