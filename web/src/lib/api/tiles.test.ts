import { afterEach, describe, expect, it, vi } from 'vitest';
import { decode, forgetTiles, tile } from './tiles';

function headers(extra: Record<string, string> = {}): Headers {
  return new Headers({ 'X-Weft-Shape': '2,3', 'X-Weft-Range': '-9,8', 'X-Weft-Robust': '-2,2.5', 'X-Weft-Full': '20,30', ...extra });
}
const numbers = Float32Array.from([1, -2, 3, NaN, 5, 6]);

describe('decode', () => {
  it('reads numbers, shape and ranges', () => {
    const found = decode(numbers.buffer.slice(0), headers());
    expect([...found.data]).toEqual([...numbers]);
    expect(found).toMatchObject({ rows: 2, cols: 3, full: [20, 30], range: [-9, 8], robust: [-2, 2.5] });
  });

  it('refuses what does not fit', () => {
    expect(() => decode(new ArrayBuffer(20), headers())).toThrow(/2 × 3/);
    expect(() => decode(numbers.buffer.slice(0), headers({ 'X-Weft-Shape': '6' }))).toThrow(/X-Weft-Shape/);
  });
});

describe('tile', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('asks once for what it has or is getting', async () => {
    const fetch = vi.fn(() => Promise.resolve(new Response(numbers.buffer.slice(0), { headers: headers() })));
    vi.stubGlobal('fetch', fetch);
    forgetTiles();
    const [a, b] = await Promise.all([tile('run/x/tile', { point: 'p', h: 4 }), tile('run/x/tile', { point: 'p', h: 4 })]);
    expect(a).toBe(b);
    expect(await tile('run/x/tile', { point: 'p', h: 4 })).toBe(a);
    expect(fetch).toHaveBeenCalledTimes(1);
    await tile('run/x/tile', { point: 'q', h: 4 });
    expect(fetch).toHaveBeenCalledTimes(2);
    forgetTiles();
    await tile('run/x/tile', { point: 'p', h: 4 });
    expect(fetch).toHaveBeenCalledTimes(3);
  });
});
