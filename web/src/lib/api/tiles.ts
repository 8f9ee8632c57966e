import { address, send, type Value } from './http';
import { Lru } from './lru';

/** A piece of a matrix as it was computed: float32, row after row. */
export interface Tile {
  data: Float32Array;
  rows: number;
  cols: number;
  /** Shape of the whole matrix. */
  full: [number, number];
  /** Smallest and largest of the whole matrix. */
  range: [number, number];
  /** What 98 of 100 of its numbers stay within. */
  robust: [number, number];
}

/** Which part of a matrix, and at most how many cells to make of it. */
export interface Region {
  r0?: number;
  r1?: number;
  c0?: number;
  c1?: number;
  h?: number;
  w?: number;
}

const cache = new Lru<Tile>(64 << 20);
const coming = new Map<string, Promise<Tile>>();

/** Fetches a tile once: later requests get the same from memory. */
export async function tile(path: string, query: Record<string, Value>, signal?: AbortSignal): Promise<Tile> {
  const url = address(path, query);
  const have = cache.get(url);
  if (have) return have;
  if (signal) return load(url, signal);
  let promise = coming.get(url);
  if (!promise) {
    promise = load(url).finally(() => coming.delete(url));
    coming.set(url, promise);
  }
  return promise;
}

/** Forgets every tile: the server restarted, so its runs are other ones. */
export function forgetTiles(): void {
  cache.clear();
}

async function load(url: string, signal?: AbortSignal): Promise<Tile> {
  const response = await send(url, { signal, headers: { Accept: 'application/octet-stream' } });
  const found = decode(await response.arrayBuffer(), response.headers);
  cache.set(url, found, found.data.byteLength + 256);
  return found;
}

/** Reads a tile's bytes and headers; exported for the tests. */
export function decode(buffer: ArrayBuffer, headers: Headers): Tile {
  const [rows, cols] = pair(headers, 'X-Weft-Shape');
  if (buffer.byteLength !== 4 * rows * cols) {
    throw new Error(`a tile of ${rows} × ${cols} numbers came with ${buffer.byteLength} bytes`);
  }
  const range = pair(headers, 'X-Weft-Range');
  return {
    data: floats(buffer),
    rows,
    cols,
    full: headers.has('X-Weft-Full') ? pair(headers, 'X-Weft-Full') : [rows, cols],
    range,
    robust: headers.has('X-Weft-Robust') ? pair(headers, 'X-Weft-Robust') : range
  };
}

// floats reads little-endian numbers on any machine.
function floats(buffer: ArrayBuffer): Float32Array {
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return new Float32Array(buffer);
  const view = new DataView(buffer);
  return Float32Array.from({ length: buffer.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function pair(headers: Headers, name: string): [number, number] {
  const parts = (headers.get(name) ?? '').split(',').map(Number);
  const [a, b] = parts;
  if (parts.length !== 2 || a === undefined || b === undefined || Number.isNaN(a) || Number.isNaN(b)) {
    throw new Error(`a tile came without its ${name}`);
  }
  return [a, b];
}
