import { describe, expect, it } from 'vitest';
import { EventParser, events, type ServerEvent } from './sse';

const text = ': hello\r\nevent: progress\r\ndata: {"done":1}\r\n\r\nevent:token\ndata: a\ndata:  b\nid: 7\n\n\n\rdata\rdata:ü\r\revent: lost\ndata: x\n';
const want: ServerEvent[] = [
  { event: 'progress', data: '{"done":1}', id: '' },
  { event: 'token', data: 'a\n b', id: '7' },
  { event: 'message', data: '\nü', id: '7' }
];

describe('EventParser', () => {
  it('reads a stream in one piece', () => {
    expect(new EventParser().push(text)).toEqual(want);
  });

  it('reads it cut in two anywhere, and letter by letter', () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = new EventParser();
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual(want);
    }
    const parser = new EventParser();
    expect([...text].flatMap((letter) => parser.push(letter))).toEqual(want);
  });
});

describe('events', () => {
  it('joins characters that the network cut, and closes the connection when left', async () => {
    const bytes = new TextEncoder().encode('data: ü漢🙂\n\ndata: never\n\n');
    let cancelled = false;
    let i = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (i < bytes.length) controller.enqueue(bytes.slice(i, ++i));
        else controller.close();
      },
      cancel() {
        cancelled = true;
      }
    });
    for await (const event of events(new Response(body))) {
      expect(event.data).toBe('ü漢🙂');
      break;
    }
    expect(cancelled).toBe(true);
  });
});
