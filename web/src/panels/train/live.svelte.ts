import { ApiError, address, getJson, isAbort, messageOf, postJson, send } from '../../lib/api/http';
import { events } from '../../lib/api/sse';
import { app } from '../../lib/app.svelte';
import { take } from './log';
import type { Ask, Done, Expected, Line, Plan, Recipe, RunDetail, RunInfo, Sample, State, TrainList } from './types';

/** A run on the screen: what the server knows of it, and its events as they come. */
export class Live {
  readonly name: string;
  info = $state.raw<RunInfo | null>(null);
  recipe = $state.raw<Recipe | null>(null);
  lines = $state.raw<Line[]>([]);
  samples = $state.raw<Sample[]>([]);
  checkpoints = $state.raw<number[]>([]);
  expected = $state.raw<Expected | null>(null);
  plan = $state.raw<Plan | null>(null);
  notes = $state.raw<string[]>([]);
  /** Why it stopped, as the server says. */
  why = $state('');
  problem = $state('');
  gone = $state(false);

  #stop: AbortController | null = null;
  #fresh: Line[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get state(): State | null {
    return this.info?.state ?? null;
  }

  get active(): boolean {
    return this.state === 'waiting' || this.state === 'training';
  }

  get last(): Line | null {
    return this.lines.at(-1) ?? null;
  }

  /** The last line with an evaluation. */
  get validated(): Line | null {
    return this.lines.findLast((line) => line.val_bpb !== null) ?? null;
  }

  get steps(): number {
    return this.info?.steps || this.plan?.steps || 0;
  }

  /** Follows the run from now on, as long as it is active and through a server that comes and goes. */
  async follow(): Promise<void> {
    if (this.#stop) return;
    const stop = new AbortController();
    this.#stop = stop;
    let wait = 500;
    try {
      while (!stop.signal.aborted) {
        const from = await this.#load(stop.signal);
        if (from === null) {
          wait = Math.min(5000, 2 * wait);
        } else {
          wait = 500;
          if (!this.active) return;
          if (await this.#listen(from, stop.signal)) return;
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    } finally {
      if (this.#stop === stop) this.#stop = null;
    }
  }

  leave(): void {
    this.#stop?.abort();
    this.#stop = null;
  }

  /** Asks for something and goes on following; an error is kept as a sentence. */
  async ask(what: 'stop' | 'resume', query = ''): Promise<void> {
    this.problem = '';
    try {
      this.info = await postJson<RunInfo>(`train/${this.name}/${what}${query}`, {});
      if (what === 'resume') this.why = '';
      void this.follow();
    } catch (error) {
      this.problem = messageOf(error);
    }
  }

  /** Loads all there is; null if the server does not answer. Returns the next event's number. */
  async #load(signal: AbortSignal): Promise<number | null> {
    try {
      const found = await getJson<RunDetail>(`train/${this.name}`, {}, signal);
      this.info = found;
      this.recipe = found.recipe;
      this.lines = found.lines;
      this.#fresh = [];
      this.samples = found.samples;
      this.checkpoints = found.checkpoints;
      this.expected = found.expected;
      this.problem = '';
      return found.next;
    } catch (error) {
      if (isAbort(error)) return null;
      if (error instanceof ApiError && error.code === 'not_found') {
        this.gone = true;
        this.leave();
      } else if (!(error instanceof ApiError && error.code === 'offline')) this.problem = messageOf(error);
      return null;
    }
  }

  /** Hears events until the run or the connection ends; true if it was the run. */
  async #listen(from: number, signal: AbortSignal): Promise<boolean> {
    try {
      const response = await send(address(`train/${encodeURIComponent(this.name)}/events`, { from }), { signal, headers: { Accept: 'text/event-stream' } });
      if (response.status === 204) return !this.active;
      for await (const event of events(response)) this.#hear(event.event, JSON.parse(event.data) as unknown);
    } catch (error) {
      if (!isAbort(error) && error instanceof ApiError && error.code !== 'offline') this.problem = messageOf(error);
    }
    this.#flush();
    // One asking of the server shows the rest of the page that it is gone, and this one how the run is.
    return !this.active && !signal.aborted;
  }

  #hear(event: string, data: unknown): void {
    switch (event) {
      case 'line':
        this.#fresh.push(data as Line);
        this.#timer ??= setTimeout(() => this.#flush(), 150);
        return;
      case 'state':
        return this.#set({ state: (data as { state: State }).state });
      case 'plan':
        this.plan = data as Plan;
        this.#flush();
        // A run that goes on from its last save trains the steps after it again.
        this.lines = this.lines.filter((line) => line.step <= this.plan!.step);
        this.samples = this.samples.filter((sample) => sample.step <= this.plan!.step);
        this.checkpoints = this.checkpoints.filter((step) => step <= this.plan!.step);
        return this.#set({ step: this.plan.step, steps: this.plan.steps || this.info?.steps || 0 });
      case 'sample': {
        const sample = data as Sample;
        this.samples = [...this.samples.filter((each) => each.step < sample.step), sample];
        return;
      }
      case 'checkpoint': {
        const { step } = data as { step: number };
        if (!this.checkpoints.includes(step)) this.checkpoints = [...this.checkpoints, step].sort((a, b) => a - b);
        return;
      }
      case 'dropped':
        this.checkpoints = this.checkpoints.filter((step) => step !== (data as { step: number }).step);
        return;
      case 'note':
        this.notes = [...this.notes.slice(-4), (data as { text: string }).text];
        return;
      case 'done': {
        const done = data as Done;
        this.#flush();
        this.why = done.why ?? '';
        this.#set({ state: done.state, step: done.step, val_bpb: done.val_bpb, kept: done.kept, error: done.state === 'failed' ? done.why : undefined });
        void app.loadModels();
        void training.load();
      }
    }
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#fresh.length) return;
    this.lines = take(this.lines, this.#fresh);
    this.#fresh = [];
    this.#set({ step: this.lines.at(-1)!.step });
  }

  #set(changes: Partial<RunInfo>): void {
    if (this.info) this.info = { ...this.info, ...changes };
  }
}

/** All runs of the server, and those on the screen. */
class Training {
  list = $state.raw<TrainList | null>(null);
  problem = $state('');
  #live = new Map<string, Live>();

  async load(): Promise<void> {
    try {
      this.list = await getJson<TrainList>('train');
      this.problem = '';
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'offline')) this.problem = messageOf(error);
    }
  }

  /** The run of that name, followed from now on. */
  watch(name: string): Live {
    let live = this.#live.get(name);
    if (!live) {
      live = new Live(name);
      this.#live.set(name, live);
    }
    void live.follow();
    return live;
  }

  /**
   * Stops listening to all runs but these. A run that trains and is on no screen
   * is the server's alone then; one that belongs to this page is kept, for it
   * stops when nobody listens, and a look into Flow should not stop it.
   */
  only(names: string[]): void {
    for (const [name, live] of this.#live) {
      if (names.includes(name) || (live.active && live.info?.attached)) continue;
      live.leave();
      this.#live.delete(name);
    }
  }

  async start(ask: Ask): Promise<RunInfo> {
    const run = await postJson<RunInfo>('train', ask);
    this.#live.get(run.run)?.leave();
    this.#live.delete(run.run);
    await this.load();
    return run;
  }

  async remove(name: string): Promise<void> {
    await postJson(`train/${name}/remove`, {});
    this.#live.get(name)?.leave();
    this.#live.delete(name);
    await this.load();
    void app.loadModels();
  }
}

export const training = new Training();
