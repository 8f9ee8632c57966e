import { app } from './app.svelte';
import { formatPin, parsePin, type Where } from './pin';
import { router } from './router.svelte';

export type { Where } from './pin';

export interface Hover {
  x: number;
  y: number;
  value: string;
  name: string;
  /** "row 3 'the'", "head 2", in the order that they are read. */
  places: string[];
}

/** What is pointed at (a small tip beside the pointer) and what is pinned (a card in the drawer). */
class Inspector {
  tip = $state.raw<Hover | null>(null);

  get pinned(): Where | null {
    return parsePin(router.text('pin'));
  }

  hover(tip: Hover): void {
    this.tip = tip;
  }

  leave(): void {
    this.tip = null;
  }

  pin(where: Where): void {
    router.set({ pin: formatPin(where) });
    app.setDrawer(true);
  }

  unpin(): void {
    router.set({ pin: null });
  }
}

export const inspector = new Inspector();
