import { api } from './api/client';
import { ApiError, isAbort, messageOf, onReach } from './api/http';
import { forgetTiles } from './api/tiles';
import type { ModelEntry, ModelInfo, Progress, ServerState } from './api/types';
import type { Theme } from './color';
import { router } from './router.svelte';
import { load, save } from './storage';

export type ThemeChoice = 'system' | 'light' | 'dark';
export type Mode = 'read' | 'audit';

/** What the drawer says about the thing in focus. */
export interface Topic {
  title: string;
  /** Three sentences for a newcomer. */
  plain: string;
  /** For an engineer; plain text, drawn in the mono face. */
  formula?: string;
  /** The tour's stop that explains it, by its id. */
  stop?: string;
}

/** What the whole page shares: the server, its models, theme, mode and drawer. */
class App {
  server = $state.raw<ServerState | null>(null);
  models = $state.raw<ModelEntry[]>([]);
  info = $state.raw<ModelInfo | null>(null);
  loading = $state.raw<{ model: string; progress: Progress | null; since: number } | null>(null);
  /** Why the model is not there. */
  problem = $state('');
  /** Why the server, which can be reached, does not answer. */
  refusal = $state('');
  online = $state(true);
  /** Why the page drew itself anew: said in a banner until it is dismissed. */
  news = $state('');
  /** Counts the server's lives, and models that were swapped: what depends on it loads again. */
  epoch = $state(0);

  themeChoice = $state<ThemeChoice>((load('theme') as ThemeChoice | null) ?? 'system');
  systemDark = $state(false);
  still = $state(false);
  /** Beside the panel on wide windows; over it, and closed at first, on narrow ones. */
  drawer = $state(wide() && load('drawer') !== 'closed');
  topic = $state.raw<Topic | null>(null);

  #retry: ReturnType<typeof setTimeout> | undefined;
  #loadingModel: AbortController | null = null;
  /** The name that info belongs to. */
  #shown = '';

  get theme(): Theme {
    if (this.themeChoice !== 'system') return this.themeChoice;
    return this.systemDark ? 'dark' : 'light';
  }

  // Derived, not read: whoever depends on them is not disturbed by the rest of the address.
  readonly mode = $derived<Mode>(router.text('mode') === 'audit' ? 'audit' : 'read');

  /** The model that the address names; "" is the server's default. */
  readonly model = $derived(router.text('model'));

  get modelName(): string {
    return this.model || this.server?.default || this.info?.provenance.name || '';
  }

  /** Begins to follow the system's settings and the server; call once. */
  start(): () => void {
    const stops = [
      follow('(prefers-color-scheme: dark)', (on) => (this.systemDark = on)),
      follow('(prefers-reduced-motion: reduce)', (on) => (this.still = on)),
      onReach((ok) => (ok ? undefined : this.#lost()))
    ];
    void this.connect();
    const poll = setInterval(() => document.visibilityState === 'visible' && this.online && void this.connect(), 5000);
    return () => {
      clearInterval(poll);
      clearTimeout(this.#retry);
      for (const stop of stops) stop();
    };
  }

  /** Asks the server how it is; notices that it came back, or came back as another. */
  async connect(): Promise<void> {
    try {
      const state = await api.state();
      const before = this.server;
      const returned = !this.online;
      this.server = state;
      this.online = true;
      this.refusal = '';
      if (before && before.boot !== state.boot) this.#restarted(state);
      else if (returned) this.news = 'The server answers again.';
      if (!before || before.boot !== state.boot) await this.loadModels();
    } catch (error) {
      if (error instanceof ApiError && error.code !== 'offline') this.refusal = error.message;
      else this.#lost();
    }
  }

  async loadModels(): Promise<void> {
    try {
      this.models = (await api.models()).models;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'offline')) this.refusal = messageOf(error);
    }
  }

  /** Opens the address's model, and says how far it is. */
  async openModel(): Promise<void> {
    const model = this.model;
    this.#loadingModel?.abort();
    const stop = new AbortController();
    this.#loadingModel = stop;
    this.loading = { model, progress: null, since: Date.now() };
    this.problem = '';
    if (this.#shown !== model) this.info = null;
    try {
      const info = await api.open(model, {
        signal: stop.signal,
        onProgress: (progress) => {
          if (this.loading) this.loading = { ...this.loading, progress };
        }
      });
      if (stop.signal.aborted) return;
      this.info = info;
      this.#shown = model;
      this.epoch++;
    } catch (error) {
      if (isAbort(error) || stop.signal.aborted) return;
      this.info = null;
      this.problem = messageOf(error);
    } finally {
      if (this.#loadingModel === stop) this.loading = null;
    }
  }

  stopLoading(): void {
    this.#loadingModel?.abort();
    this.loading = null;
  }

  setTheme(choice: ThemeChoice): void {
    this.themeChoice = choice;
    save('theme', choice);
  }

  setDrawer(open: boolean): void {
    this.drawer = open;
    if (wide()) save('drawer', open ? 'open' : 'closed');
  }

  #restarted(state: ServerState): void {
    forgetTiles();
    this.news = `The server was started again (version ${state.version}); what you see is computed anew.`;
    void this.openModel();
  }

  #lost(): void {
    this.online = false;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.connect(), 1500);
  }
}

function wide(): boolean {
  return typeof matchMedia === 'undefined' || matchMedia('(min-width: 68rem)').matches;
}

function follow(query: string, set: (on: boolean) => void): () => void {
  const media = matchMedia(query);
  const read = () => set(media.matches);
  read();
  media.addEventListener('change', read);
  return () => media.removeEventListener('change', read);
}

export const app = new App();

/** Makes an element tell the drawer what it is, when it is pointed at or focused. */
export function explain(topic: Topic) {
  return (node: HTMLElement) => {
    const tell = () => (app.topic = topic);
    node.addEventListener('pointerenter', tell);
    node.addEventListener('focusin', tell);
    return () => {
      node.removeEventListener('pointerenter', tell);
      node.removeEventListener('focusin', tell);
    };
  };
}
