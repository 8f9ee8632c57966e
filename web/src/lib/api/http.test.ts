import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, address, getJson, isAbort, onReach, stream } from './http';

const sse = (text: string) => new Response(text, { headers: { 'Content-Type': 'text/event-stream' } });

function answering(response: () => Response | Promise<Response>) {
  const fetch = vi.fn<(url: string, init: RequestInit) => Promise<Response>>(() => Promise.resolve(response()));
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

let reached: boolean[] = [];
let stop = () => {};
beforeEach(() => {
  reached = [];
  stop = onReach((ok) => reached.push(ok)) as () => void;
});
afterEach(() => {
  stop();
  vi.unstubAllGlobals();
});

it('leaves out of an address what is not asked', () => {
  expect(address('model', { model: '', a: undefined, n: 0, q: 'a b' })).toBe('api/model?n=0&q=a+b');
});

describe('a request', () => {
  it('gives the server’s sentence when it is refused', async () => {
    answering(() => new Response(JSON.stringify({ error: { message: 'too long; shorten it', code: 'too_large' } }), { status: 413 }));
    await expect(getJson('model')).rejects.toMatchObject({ message: 'too long; shorten it', code: 'too_large', status: 413 });
    expect(reached).toEqual([true]);
  });

  it('says what to do about an answer without a sentence, and one without a key', async () => {
    answering(() => new Response('<html>', { status: 502 }));
    await expect(getJson('model')).rejects.toMatchObject({ code: 'internal', status: 502 });
    answering(() => new Response('', { status: 401 }));
    await expect(getJson('model')).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('tells when the server is gone', async () => {
    answering(() => Promise.reject(new TypeError('failed to fetch')));
    await expect(getJson('model')).rejects.toMatchObject({ code: 'offline' });
    expect(reached).toEqual([false]);
  });

  it('is quiet when its own caller stopped it', async () => {
    const control = new AbortController();
    control.abort();
    answering(() => Promise.reject(new DOMException('x', 'AbortError')));
    const error: unknown = await getJson('model', {}, control.signal).catch((e: unknown) => e);
    expect(isAbort(error)).toBe(true);
    expect(reached).toEqual([]);
  });
});

describe('long work', () => {
  it('tells how far it is and gives the result', async () => {
    const fetch = answering(() => sse('event: progress\ndata: {"stage":"a","done":1,"total":2}\n\nevent: token\ndata: {"id":3}\n\nevent: result\ndata: {"x":1}\n\n'));
    const seen: unknown[] = [];
    const result = await stream('run', { prompt: 'x' }, { onProgress: (p) => seen.push(p), onEvent: (event, data) => seen.push([event, data]) });
    expect(result).toEqual({ x: 1 });
    expect(seen).toEqual([{ stage: 'a', done: 1, total: 2 }, ['token', { id: 3 }]]);
    expect(new Headers(fetch.mock.calls[0]![1].headers).get('Accept')).toBe('text/event-stream');
  });

  it('takes an answer that came whole', async () => {
    answering(() => Response.json({ x: 2 }));
    expect(await stream('run', {})).toEqual({ x: 2 });
  });

  it('fails with the error that was sent', async () => {
    answering(() => sse('event: error\ndata: {"error":{"message":"over budget","code":"over_budget"}}\n\n'));
    await expect(stream('run', {})).rejects.toMatchObject({ message: 'over budget', code: 'over_budget' });
  });

  it('fails when the stream ends before the result', async () => {
    answering(() => sse('event: progress\ndata: {"stage":"a","done":1,"total":2}\n\n'));
    await expect(stream('run', {})).rejects.toBeInstanceOf(ApiError);
  });
});
