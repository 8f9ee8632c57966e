import { takeKey } from './api/http';
import { formatHash, parseHash, type Place } from './hash';

export type Changes = Record<string, string | number | boolean | null | undefined>;

/**
 * The address as reactive state. Everything that another reader should see when
 * a link is sent to them lives here: panel, model, prompt, layer, head, pin.
 */
class Router {
  #place = $state.raw<Place>({ panel: '', params: {} });

  get panel(): string {
    return this.#place.panel;
  }

  get params(): Readonly<Record<string, string>> {
    return this.#place.params;
  }

  /** Follows the address from now on, and says when a key was written into it; returns how to stop. */
  start(onkey: () => void = () => undefined): () => void {
    const read = () => {
      const took = takeKey();
      // A key alone names no place: the one before stays.
      if (took && location.hash === '') history.replaceState(null, '', formatHash(this.#place));
      else this.#place = parseHash(location.hash);
      if (took) onkey();
    };
    read();
    addEventListener('hashchange', read);
    addEventListener('popstate', read);
    return () => {
      removeEventListener('hashchange', read);
      removeEventListener('popstate', read);
    };
  }

  text(key: string, fallback = ''): string {
    return this.#place.params[key] ?? fallback;
  }

  number(key: string, fallback: number): number {
    const value = Number(this.#place.params[key]);
    return this.#place.params[key] !== undefined && Number.isFinite(value) ? value : fallback;
  }

  flag(key: string): boolean {
    return this.#place.params[key] === '1';
  }

  /** The address with some parameters changed; null or "" takes one away. */
  with(changes: Changes, panel = this.panel): string {
    return formatHash(merge(this.#place, changes, panel));
  }

  /** Changes parameters in place (a slider, a hover that sticks): no step in the history. */
  set(changes: Changes): void {
    this.#move(merge(this.#place, changes, this.panel), true);
  }

  /** Goes somewhere that Back should come back from. */
  go(changes: Changes, panel = this.panel): void {
    this.#move(merge(this.#place, changes, panel), false);
  }

  /** A link to another panel: keeps what panels share and drops the rest. */
  to(panel: string, changes: Changes = {}): string {
    const kept: Record<string, string> = {};
    for (const key of shared) {
      const value = this.#place.params[key];
      if (value !== undefined) kept[key] = value;
    }
    return formatHash(merge({ panel, params: kept }, changes, panel));
  }

  #move(place: Place, replace: boolean): void {
    const hash = formatHash(place);
    if (hash === formatHash(this.#place)) return;
    if (replace) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
    this.#place = place;
  }
}

/** What every panel looks at: it stays when the panel changes. */
const shared = ['model', 'prompt', 'chat', 'then', 'at', 'mode', 'tour'];

function merge(place: Place, changes: Changes, panel: string): Place {
  const params = { ...place.params };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '' || value === false) delete params[key];
    else params[key] = value === true ? '1' : String(value);
  }
  return { panel, params };
}

export const router = new Router();
