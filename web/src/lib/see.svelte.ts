import { untrack } from 'svelte';
import { app } from './app.svelte';
import { router } from './router.svelte';

/** `{@attach see(name)}` brings an element into view when a link asks for it with `see=name`: it may be far down. */
export function see(name: string) {
  const wanted = $derived(router.text('see') === name);
  return (node: HTMLElement) => {
    if (wanted) untrack(() => node.scrollIntoView({ block: 'start', behavior: app.still ? 'auto' : 'smooth' }));
  };
}
