import { describe, expect, it } from 'vitest';
import { formatHash, keyFromHash, parseHash } from './hash';

describe('the address', () => {
  it('holds a panel and its state', () => {
    expect(parseHash('#/flow?model=a&prompt=To+be%2C&layer=3')).toEqual({ panel: 'flow', params: { model: 'a', prompt: 'To be,', layer: '3' } });
    expect(parseHash('#/lens')).toEqual({ panel: 'lens', params: {} });
    expect(parseHash('')).toEqual({ panel: '', params: {} });
    expect(parseHash('#main')).toEqual({ panel: '', params: {} });
  });

  it.each(['', ' ', 'a b', 'a+b', 'a&b=c#d?', 'ü 漢 🙂', 'line\nline', '100 %', 'train:x@12', '\u0000', 'a%20b'])('keeps %j', (text) => {
    const place = { panel: 'flow', params: { prompt: text, x: '1' } };
    const back = parseHash(formatHash(place));
    expect(back.params.prompt ?? '').toBe(text);
    expect(back.params.x).toBe('1');
  });

  it('does not fail on half a character', () => {
    expect(() => formatHash({ panel: 'flow', params: { prompt: '\ud83d' } })).not.toThrow();
  });

  it('gives up a key that came with a link', () => {
    expect(keyFromHash('#key=ab%20c')).toEqual({ key: 'ab c', rest: '#' });
    expect(keyFromHash('#key=abc&/flow?prompt=x&y=1')).toEqual({ key: 'abc', rest: '#/flow?prompt=x&y=1' });
    expect(keyFromHash('#/flow?prompt=x#key=abc')).toEqual({ key: 'abc', rest: '#/flow?prompt=x' });
    expect(keyFromHash('#/flow?key=abc')).toBeNull();
    expect(keyFromHash('#key=100%')).toEqual({ key: '100%', rest: '#' });
  });
});
