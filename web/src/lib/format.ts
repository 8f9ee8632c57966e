const minus = '\u2212';
const thin = '\u202f';

/** A number with at most four significant digits, for reading in a column. */
export function number(value: number, digits = 4): string {
  if (Number.isNaN(value)) return 'not a number';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : `${minus}∞`;
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? power(size, digits) : fixed(size, digits);
  return (value < 0 ? minus : '') + text;
}

/**
 * The whole number, for copying and for the audit mode: the fewest digits that
 * read back as the same float32 if it is one, else as the same float64.
 */
export function exact(value: number): string {
  if (Math.fround(value) !== value || !Number.isFinite(value)) return String(value);
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

/** 2,644,416 */
export function integer(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** 135M, 2.64M, 1.0B: how sizes of models are said. */
export function short(value: number): string {
  for (const [unit, name] of [[1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e3, 'k']] as const) {
    if (Math.abs(value) >= unit) return trim((value / unit).toPrecision(3)) + name;
  }
  return String(value);
}

/** 9.51 MiB */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  while (value >= 1024 && i < units.length - 1) {
    value /= 1024;
    i++;
  }
  return `${i === 0 ? value : trim(value.toPrecision(3))}${thin}${units[i]}`;
}

/** A probability: 62 %, 0.41 %, < 0.001 %. */
export function percent(p: number): string {
  const v = 100 * p;
  if (v > 0 && v < 0.001) return `<${thin}0.001${thin}%`;
  if (v > 99.995 && v < 100) return `>${thin}99.99${thin}%`;
  return `${trim(v >= 10 ? v.toFixed(1) : v.toPrecision(2))}${thin}%`;
}

/** 0.8 s, 1 min 20 s */
export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)}${thin}s`;
  if (value < 90) return `${Math.round(value)}${thin}s`;
  const minutes = Math.floor(value / 60);
  if (minutes < 90) return `${minutes}${thin}min ${Math.round(value - 60 * minutes)}${thin}s`;
  return `${Math.floor(minutes / 60)}${thin}h ${minutes % 60}${thin}min`;
}

/** Cuts a name in the middle: what is told apart stands at both ends. */
export function middle(text: string, most: number): string {
  const letters = [...text];
  if (letters.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  const tail = Math.floor((most - 1) / 2);
  return letters.slice(0, head).join('') + '…' + (tail ? letters.slice(-tail).join('') : '');
}

function fixed(size: number, digits: number): string {
  const before = Math.floor(Math.log10(size)) + 1;
  return trim(size.toFixed(Math.max(0, Math.min(20, digits - before))));
}

function power(size: number, digits: number): string {
  const [mantissa, exponent] = size.toExponential(digits - 1).split('e') as [string, string];
  return `${trim(mantissa)}e${exponent.replace('+', '').replace('-', minus)}`;
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
