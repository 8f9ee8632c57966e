import { expect, it } from 'vitest';
import { Lru } from './lru';

it('drops what was not used for longest', () => {
  const cache = new Lru<number>(10);
  cache.set('a', 1, 4);
  cache.set('b', 2, 4);
  expect(cache.get('a')).toBe(1);
  cache.set('c', 3, 4);
  expect(cache.get('b')).toBeUndefined();
  expect(cache.get('a')).toBe(1);
  expect(cache.get('c')).toBe(3);
  expect(cache.size).toBe(8);
});

it('counts an entry that is set again once, and keeps nothing that is too large', () => {
  const cache = new Lru<number>(10);
  cache.set('a', 1, 4);
  cache.set('a', 2, 6);
  expect(cache.size).toBe(6);
  cache.set('a', 3, 11);
  expect(cache.get('a')).toBeUndefined();
  expect(cache.size).toBe(0);
});
