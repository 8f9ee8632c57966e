import { router } from './router.svelte';

/** `{@attach see(name)}` brings an element into view when a link asks for it with `see=name`: it may be far down. */
export function see(name: string) {
  const wanted = $derived(router.text('see') === name);
  return (node: HTMLElement) => (wanted ? hold(node) : undefined);
}

/** Keeps an element in view while what stands around it is loading, for a moment, and never against the reader. */
function hold(node: HTMLElement): () => void {
  const end = new AbortController();
  const stop = () => end.abort();
  const watch = new ResizeObserver(() => node.scrollIntoView({ block: 'start' }));
  watch.observe(document.body);
  const timer = setTimeout(stop, 3000);
  for (const kind of ['wheel', 'pointerdown', 'touchstart', 'keydown']) addEventListener(kind, stop, { signal: end.signal, passive: true });
  end.signal.addEventListener('abort', () => (watch.disconnect(), clearTimeout(timer)));
  return stop;
}
