import { messageOf, isAbort, stream } from '../../lib/api/http';
import type { ChatPrompt, ChatResult, ChatToken, Message, Progress, Sampling } from '../../lib/api/types';

/** One way that an answer went; forking makes another beside it. */
export class Answer {
  tokens = $state.raw<ChatToken[]>([]);
  prompt = $state.raw<ChatPrompt | null>(null);
  result = $state.raw<ChatResult | null>(null);
  progress = $state.raw<Progress | null>(null);
  busy = $state(true);
  stopped = $state(false);
  problem = $state('');
  readonly since = Date.now();

  /** prefix: how many tokens it was told to begin with; asked: of whom, and how. */
  constructor(
    readonly prefix: number,
    readonly asked: Asking
  ) {}

  /** What followed on this answer, while another one is shown. */
  later: Exchange[] = [];

  get text(): string {
    return this.result?.text ?? this.tokens.map((token) => token.text).join('');
  }
}

/** What somebody said, and the answers to it. */
export class Exchange {
  user = $state('');
  answers = $state.raw<Answer[]>([]);
  at = $state(0);

  constructor(user: string) {
    this.user = user;
  }

  get answer(): Answer | undefined {
    return this.answers[this.at];
  }
}

export interface Asking {
  /** By name, also where it is the server's default. */
  model: string;
  /** Of the model's weights: under one name there can be others later. */
  hash: string;
  system: string;
  sampling: Partial<Sampling>;
  maxTokens: number | null;
  /** Stop after one token, for the reader to guess. */
  guess: boolean;
}

/** A conversation that stays while the reader visits other panels. */
export class Talk {
  exchanges = $state.raw<Exchange[]>([]);
  #stop: AbortController | null = null;

  get busy(): boolean {
    return this.exchanges.at(-1)?.answer?.busy ?? false;
  }

  say(text: string, asking: Asking, prefix: number[] = []): void {
    const exchange = new Exchange(text);
    this.exchanges = [...this.exchanges, exchange];
    this.answer(exchange, prefix, asking);
  }

  /** Answers an exchange (once more), beginning with the prefix; what came after it is put aside. */
  answer(exchange: Exchange, prefix: number[], asking: Asking): void {
    this.#stop?.abort();
    const index = this.exchanges.indexOf(exchange);
    if (exchange.answer) exchange.answer.later = this.exchanges.slice(index + 1);
    const answer = new Answer(prefix.length, asking);
    exchange.answers = [...exchange.answers, answer];
    exchange.at = exchange.answers.length - 1;
    this.exchanges = this.exchanges.slice(0, index + 1);
    void this.#ask(exchange, answer, prefix, asking);
  }

  /** Says something else instead; the answers to what stood there are dropped. */
  edit(exchange: Exchange, text: string, asking: Asking): void {
    exchange.user = text;
    exchange.answers = [];
    exchange.at = 0;
    this.answer(exchange, [], asking);
  }

  show(exchange: Exchange, at: number): void {
    const index = this.exchanges.indexOf(exchange);
    const now = exchange.answer;
    if (!now || now.busy || !exchange.answers[at]) return;
    now.later = this.exchanges.slice(index + 1);
    exchange.at = at;
    this.exchanges = [...this.exchanges.slice(0, index + 1), ...exchange.answers[at].later];
  }

  stop(): void {
    this.#stop?.abort();
  }

  clear(): void {
    this.stop();
    this.exchanges = [];
  }

  #messages(exchange: Exchange, system: string): Message[] {
    const out: Message[] = system ? [{ role: 'system', content: system }] : [];
    for (const each of this.exchanges) {
      out.push({ role: 'user', content: each.user });
      if (each === exchange) break;
      out.push({ role: 'assistant', content: each.answer?.result?.message.content ?? each.answer?.text ?? '' });
    }
    return out;
  }

  async #ask(exchange: Exchange, answer: Answer, prefix: number[], asking: Asking): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    const tokens = new Batch((list) => (answer.tokens = list));
    try {
      answer.result = await stream<ChatResult>(
        'chat',
        {
          model: asking.model,
          messages: this.#messages(exchange, asking.system),
          sampling: asking.sampling,
          ...(asking.guess ? { max_tokens: prefix.length + 1 } : asking.maxTokens === null ? {} : { max_tokens: asking.maxTokens }),
          prefix,
          top: asking.guess ? 100 : 10,
          steps: true
        },
        {
          signal: stop.signal,
          onProgress: (progress) => (answer.progress = progress),
          onEvent: (event, data) => {
            if (event === 'prompt') answer.prompt = data as ChatPrompt;
            else if (event === 'token') tokens.add(data as ChatToken);
          }
        }
      );
    } catch (error) {
      if (isAbort(error)) answer.stopped = true;
      else answer.problem = messageOf(error);
    } finally {
      tokens.flush();
      answer.busy = false;
      answer.progress = null;
      if (this.#stop === stop) this.#stop = null;
    }
  }
}

// Batch hands tokens on once a frame: a small model makes thousands a second.
class Batch {
  #list: ChatToken[] = [];
  #waiting = false;

  constructor(readonly give: (list: ChatToken[]) => void) {}

  add(token: ChatToken): void {
    this.#list.push(token);
    if (this.#waiting) return;
    this.#waiting = true;
    // Not an animation frame: those rest while the tab is hidden.
    setTimeout(() => this.flush(), 16);
  }

  flush(): void {
    this.#waiting = false;
    this.give([...this.#list]);
  }
}

export const talk = new Talk();
