import { describe, expect, it } from 'vitest';
import { bytes, exact, middle, number, percent, seconds, short } from './format';

describe('numbers', () => {
  it.each([
    [0, '0'],
    [1.23456, '1.235'],
    [-12.3456, '−12.35'],
    [123456, '123456'],
    [0.00123456, '0.001235'],
    [-0.0000123456, '−1.235e−5'],
    [1234567, '1.235e6'],
    [9.9999, '10'],
    [NaN, 'not a number'],
    [-Infinity, '−∞']
  ])('%d is written %s', (value, want) => expect(number(value)).toBe(want));

  it('says sizes, shares and times', () => {
    expect(short(2644416)).toBe('2.64M');
    expect(short(134515008)).toBe('135M');
    expect(bytes(6396928).replace('\u202f', ' ')).toBe('6.1 MiB');
    expect(percent(0.6234).replace('\u202f', ' ')).toBe('62.3 %');
    expect(percent(1).replace('\u202f', ' ')).toBe('100 %');
    expect(percent(1e-9)).toContain('<');
    expect(percent(0)).toContain('0');
    expect(seconds(80).replace(/\u202f/g, ' ')).toBe('80 s');
    expect(seconds(150).replace(/\u202f/g, ' ')).toBe('2 min 30 s');
  });

  it('writes a float32 with the digits that it has', () => {
    expect(exact(Math.fround(0.1))).toBe('0.1');
    expect(exact(-0.24244561791419983)).toBe('-0.24244562');
    expect(exact(0.1)).toBe('0.1');
    expect(exact(1 / 3)).toBe(String(1 / 3));
    expect(exact(0)).toBe('0');
    for (let i = 0; i < 200; i++) {
      const v = Math.fround(Math.sin(i) * 10 ** ((i % 60) - 30));
      expect(Math.fround(Number(exact(v)))).toBe(v);
    }
  });

  it('cuts names in the middle', () => {
    expect(middle('abcdefghij', 5)).toBe('ab…ij');
    expect(middle('abc', 5)).toBe('abc');
  });
});
