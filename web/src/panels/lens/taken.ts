import { router } from '../../lib/router.svelte';

/** The parts that are marked to be taken out, as the server names them: "head 3.5", "mlp 2". They stand in the address. */
export function taken(): string[] {
  return router.text('out').split(',').map((t) => t.trim()).filter((t) => /^(head|neuron) \d+\.\d+$|^(attn|mlp|layer) \d+$/.test(t));
}

export function toggle(name: string): void {
  const now = taken();
  router.set({ out: (now.includes(name) ? now.filter((t) => t !== name) : [...now, name]).join(',') || null });
}
