import { afterEach, describe, expect, it, vi } from 'vitest';
import { Talk, type Asking } from './talk.svelte';

const asking: Asking = { model: 'm', hash: 'h', system: '', sampling: { temp: 1 }, maxTokens: null, guess: false };

interface Body {
  messages: { role: string; content: string }[];
  prefix: number[];
  max_tokens?: number;
}

/** A server that answers with the prefix and one more token. */
function server() {
  const asked: Body[] = [];
  vi.stubGlobal(
    'fetch',
    vi.fn((_url: string, init: RequestInit) => {
      const body = JSON.parse(init.body as string) as Body;
      asked.push(body);
      const ids = [...body.prefix, 100 + asked.length];
      const tokens = ids.map((id) => `event: token\ndata: ${JSON.stringify({ id, text: `<${id}>`, p: 0.5, top: [], forced: false })}\n\n`).join('');
      const text = ids.map((id) => `<${id}>`).join('');
      const result = { text, message: { role: 'assistant', content: text }, ids, pieces: [], finish: 'stop', timing: {} };
      return Promise.resolve(new Response(`event: prompt\ndata: {"ids":[]}\n\n${tokens}event: result\ndata: ${JSON.stringify(result)}\n\n`, { headers: { 'Content-Type': 'text/event-stream' } }));
    })
  );
  return asked;
}

async function settled(talk: Talk): Promise<void> {
  await vi.waitFor(() => expect(talk.busy).toBe(false));
}

afterEach(() => vi.unstubAllGlobals());

describe('a conversation', () => {
  it('sends all that was said, with the answers that are shown', async () => {
    const asked = server();
    const talk = new Talk();
    talk.say('a', asking);
    await settled(talk);
    talk.say('b', { ...asking, system: 's' });
    await settled(talk);
    expect(asked[1]!.messages).toEqual([
      { role: 'system', content: 's' },
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '<101>' },
      { role: 'user', content: 'b' }
    ]);
  });

  it('forks, and keeps what followed on each branch', async () => {
    const asked = server();
    const talk = new Talk();
    talk.say('a', asking);
    await settled(talk);
    talk.say('b', asking);
    await settled(talk);
    const first = talk.exchanges[0]!;
    talk.answer(first, [7, 8], asking);
    await settled(talk);
    expect(asked[2]).toMatchObject({ prefix: [7, 8], messages: [{ role: 'user', content: 'a' }] });
    expect(first.answer?.text).toBe('<7><8><103>');
    expect(talk.exchanges).toHaveLength(1);
    talk.show(first, 0);
    expect(talk.exchanges.map((each) => each.user)).toEqual(['a', 'b']);
    expect(first.answer?.text).toBe('<101>');
    talk.show(first, 1);
    expect(talk.exchanges).toHaveLength(1);
  });

  it('asks for one token more where the reader guesses', async () => {
    const asked = server();
    const talk = new Talk();
    talk.say('a', { ...asking, guess: true }, [5]);
    await settled(talk);
    expect(asked[0]).toMatchObject({ max_tokens: 2, prefix: [5] });
  });

  it('says why there is no answer', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('refused')));
    const talk = new Talk();
    talk.say('a', asking);
    await settled(talk);
    expect(talk.exchanges[0]?.answer?.problem).toMatch(/does not answer/);
  });
});
