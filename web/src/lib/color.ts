/**
 * The colours of numbers. Blue is below zero and orange above; they stay apart
 * in every common form of colour blindness, and lightness carries the size.
 * The same hues stand in the tokens (styles/tokens.css) and in `weft look`.
 */
export type Theme = 'light' | 'dark';
export type Kind = 'learned' | 'made' | 'chosen' | 'looked' | 'likely';
export type Rgb = [number, number, number];

const ground: Record<Theme, Rgb> = { light: hex('#e9ebee'), dark: hex('#262a31') };
const negative: Record<Theme, Rgb> = { light: hex('#2468c9'), dark: hex('#5b9bf0') };
const positive: Record<Theme, Rgb> = { light: hex('#c45a00'), dark: hex('#f29a3f') };
const kinds: Record<Kind, Record<Theme, Rgb>> = {
  learned: { light: hex('#6b46b8'), dark: hex('#b79cf0') },
  made: { light: hex('#0b7558'), dark: hex('#4fc7a2') },
  chosen: { light: hex('#7d5c00'), dark: hex('#d8b452') },
  looked: { light: hex('#b02a6a'), dark: hex('#f08ab5') },
  likely: { light: hex('#1d62ad'), dark: hex('#6fb1f2') }
};

/** Text on a canvas, as styles/tokens.css has it. */
export const inks: Record<Theme, { ink: string; muted: string; paper: string }> = {
  light: { ink: '#1e2228', muted: '#5d6570', paper: '#faf9f7' },
  dark: { ink: '#e5e8ed', muted: '#9aa3b0', paper: '#131519' }
};

/** Where a value stands on a scale of -limit … limit, as -1 … 1. NaN stays NaN. */
export function place(value: number, limit: number): number {
  if (Number.isNaN(value)) return NaN;
  if (!(limit > 0)) return value === 0 ? 0 : Math.sign(value);
  return Math.max(-1, Math.min(1, value / limit));
}

/** The colour of a place on the diverging scale, -1 all blue, 1 all orange. */
export function diverging(share: number, theme: Theme): Rgb {
  return mix(ground[theme], share < 0 ? negative[theme] : positive[theme], Math.min(1, Math.abs(share)));
}

/** The colour of a share 0 … 1 of one kind of data, from the ground up. */
export function sequential(share: number, kind: Kind, theme: Theme): Rgb {
  return mix(ground[theme], kinds[kind][theme], Math.max(0, Math.min(1, share)));
}

/** The limit of a diverging scale: what 98 of 100 numbers stay within, whatever outliers do. */
export function limitOf(robust: readonly [number, number], range?: readonly [number, number]): number {
  const limit = Math.max(Math.abs(robust[0]), Math.abs(robust[1]));
  if (limit > 0) return limit;
  return range ? Math.max(Math.abs(range[0]), Math.abs(range[1])) || 1 : 1;
}

export type Scale = { type: 'diverging'; limit: number } | { type: 'sequential'; kind: Kind; limit: number };

const steps = 256;
const tables = new Map<string, Uint32Array>();

/** 256 packed colours (as an ImageData's 32-bit words on a little-endian machine). */
export function table(scale: Scale, theme: Theme): Uint32Array {
  const key = scale.type === 'diverging' ? `d/${theme}` : `${scale.kind}/${theme}`;
  let found = tables.get(key);
  if (!found) {
    found = new Uint32Array(steps);
    for (let i = 0; i < steps; i++) {
      const share = i / (steps - 1);
      const rgb = scale.type === 'diverging' ? diverging(2 * share - 1, theme) : sequential(share, scale.kind, theme);
      found[i] = pack(rgb);
    }
    tables.set(key, found);
  }
  return found;
}

/** The index in a table that a value has. */
export function step(value: number, scale: Scale): number {
  const share = scale.type === 'diverging' ? (place(value, scale.limit) + 1) / 2 : value / (scale.limit || 1);
  return Math.max(0, Math.min(steps - 1, Math.round(share * (steps - 1))));
}

/** Writes values into pixels; what is not a number is drawn in a grey of its own. */
export function paint(values: ArrayLike<number>, pixels: Uint32Array, scale: Scale, theme: Theme): void {
  const colours = table(scale, theme);
  const missing = pack(theme === 'light' ? [120, 120, 120] : [110, 110, 110]);
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    pixels[i] = Number.isNaN(v) ? missing : colours[step(v, scale)]!;
  }
}

export function css([r, g, b]: Rgb): string {
  return `rgb(${r} ${g} ${b})`;
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => Math.round(from[i]! + (to[i]! - from[i]!) * share)) as Rgb;
}

function pack([r, g, b]: Rgb): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

function hex(text: string): Rgb {
  return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16)) as Rgb;
}
