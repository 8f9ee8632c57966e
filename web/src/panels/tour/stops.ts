import type { Changes } from '../../lib/router.svelte';

/** Something to do at a stop: what, and the view that it leads to. */
export interface Deed {
  text: string;
  panel: string;
  state: Changes;
}

export interface Stop {
  id: string;
  title: string;
  /** Paragraphs. */
  text: string[];
  deeds: Deed[];
}

export const stops: readonly Stop[] = [
  {
    id: 'numbers',
    title: 'Only numbers: vectors and matrices',
    text: ['A language model knows no words. It has lists of numbers (vectors) and tables of numbers (matrices).'],
    deeds: [{ text: 'See where the numbers sit', panel: 'model', state: {} }]
  }
];
