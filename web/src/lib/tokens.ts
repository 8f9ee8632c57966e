import type { Piece } from './api/types';

/** A run of a token's text: as it is, or a mark that stands for what cannot be seen. */
export interface Run {
  text: string;
  mark: boolean;
}

const marks: Record<string, string> = { ' ': '␣', '\n': '↵', '\t': '⇥', '\r': '␍', '\u00a0': '⍽', '\u200b': '<200B>', '\ufeff': '<FEFF>' };

/** A token's text with white space and control characters made visible. */
export function runs(piece: Pick<Piece, 'text' | 'bytes'>): Run[] {
  if (piece.text.includes('\ufffd') && piece.bytes?.length) {
    return [{ text: piece.bytes.map(byteMark).join(''), mark: true }];
  }
  const out: Run[] = [];
  for (const letter of piece.text) {
    const mark = marks[letter] ?? control(letter);
    const last = out.at(-1);
    if (last && last.mark === (mark !== null)) last.text += mark ?? letter;
    else out.push({ text: mark ?? letter, mark: mark !== null });
  }
  return out;
}

/**
 * The same as one string, for labels and canvases. A token of broken bytes that
 * came without them is told by its number, for they would all look alike.
 */
export function visible(piece: Pick<Piece, 'text' | 'bytes'> & { id?: number }): string {
  if (piece.id !== undefined && !piece.bytes?.length && /^\ufffd+$/.test(piece.text)) return `#${piece.id}`;
  return runs(piece).map((run) => run.text).join('') || '∅';
}

/** How a screen reader says it: names instead of marks. */
export function spoken(piece: Piece): string {
  const text = piece.text.replace(/ /g, ' space ').replace(/\n/g, ' new line ').replace(/\t/g, ' tab ').trim();
  return `token ${text || 'empty'}, number ${piece.id}`;
}

function control(letter: string): string | null {
  const code = letter.codePointAt(0)!;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return byteMark(code);
  return null;
}

function byteMark(value: number): string {
  return `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`;
}
