import { describe, expect, it } from 'vitest';
import { runs, spoken, visible } from './tokens';

describe('a token’s text', () => {
  it.each([
    [' the', '␣the'],
    ['\n\n', '↵↵'],
    ['\tx', '⇥x'],
    ['a\u0000b', 'a<0x00>b'],
    ['\u001e', '<0x1E>'],
    ['\u00a0', '⍽'],
    ['', '∅'],
    ['été', 'été']
  ])('%j is drawn %s', (text, want) => {
    expect(visible({ text })).toBe(want);
  });

  it('writes bytes that are no character as bytes', () => {
    expect(visible({ text: '\ufffd', bytes: [0xe2, 0x0a] })).toBe('<0xE2><0x0A>');
    expect(visible({ text: '\ufffd' })).toBe('\ufffd');
    expect(visible({ text: '\ufffd', id: 149 })).toBe('#149');
  });

  it('keeps marks and letters apart', () => {
    expect(runs({ text: ' a b' })).toEqual([
      { text: '␣', mark: true },
      { text: 'a', mark: false },
      { text: '␣', mark: true },
      { text: 'b', mark: false }
    ]);
  });

  it('is said in words', () => {
    expect(spoken({ id: 7, text: ' the\n', special: false })).toBe('token space the new line, number 7');
  });
});
