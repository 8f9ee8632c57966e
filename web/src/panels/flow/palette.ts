/** The page's colours as a canvas needs them: the tokens are light-dark() pairs that only an element resolves. */
export interface Palette {
  paper: string;
  raised: string;
  cell: string;
  ink: string;
  muted: string;
  line: string;
  strong: string;
  made: string;
  looked: string;
  likely: string;
  learned: string;
  chosen: string;
  sans: string;
  mono: string;
}

const names = { paper: 'paper', raised: 'raised', cell: 'cell', ink: 'ink', muted: 'muted', line: 'line', strong: 'strong-line', made: 'made', looked: 'looked', likely: 'likely', learned: 'learned', chosen: 'chosen' } as const;

export function palette(near: HTMLElement): Palette {
  const probe = document.createElement('span');
  near.append(probe);
  const style = getComputedStyle(probe);
  const out: Record<string, string> = {};
  for (const [key, name] of Object.entries(names)) {
    probe.style.color = `var(--${name})`;
    out[key] = style.color;
  }
  for (const face of ['sans', 'mono']) {
    probe.style.fontFamily = `var(--${face})`;
    out[face] = style.fontFamily;
  }
  probe.remove();
  return out as unknown as Palette;
}
