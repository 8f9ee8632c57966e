/** One event of a text/event-stream. */
export interface ServerEvent {
  event: string;
  data: string;
  id: string;
}

/**
 * Parses a stream of server-sent events that comes in pieces of any size, as
 * the WHATWG's HTML standard says (section 9.2.6): lines end in CR, LF or CRLF,
 * data lines join with LF, an empty line ends an event, and one that the stream
 * cuts off is dropped.
 */
export class EventParser {
  #pieces: string[] = [];
  #afterCR = false;
  #data: string[] = [];
  #event = '';
  #id = '';

  push(text: string): ServerEvent[] {
    const out: ServerEvent[] = [];
    if (this.#afterCR && text.startsWith('\n')) text = text.slice(1);
    if (text !== '') this.#afterCR = text.endsWith('\r');
    // A line of megabytes comes in hundreds of pieces: only the new one is searched, and they are joined once.
    for (let from = 0; ; ) {
      const cut = text.slice(from).search(/[\r\n]/);
      if (cut < 0) {
        this.#pieces.push(text.slice(from));
        return out;
      }
      this.#pieces.push(text.slice(from, from + cut));
      from += cut + (text.startsWith('\r\n', from + cut) ? 2 : 1);
      const done = this.#line(this.#pieces.join(''));
      this.#pieces = [];
      if (done) out.push(done);
    }
  }

  #line(line: string): ServerEvent | null {
    if (line === '') return this.#end();
    if (line.startsWith(':')) return null;
    const cut = line.indexOf(':');
    const field = cut < 0 ? line : line.slice(0, cut);
    const value = cut < 0 ? '' : line.slice(cut + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return null;
  }

  #end(): ServerEvent | null {
    const out = this.#data.length ? { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id } : null;
    this.#data = [];
    this.#event = '';
    return out;
  }
}

/** Reads a response's events as they come. */
export async function* events(response: Response): AsyncGenerator<ServerEvent> {
  if (!response.body) return;
  const parser = new EventParser();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    // Leaving early must close the connection: that is what stops the server's work.
    await reader.cancel().catch(() => undefined);
  }
}
