import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';

/** A server of this test's own: its own home, cache and port. */
export class Studio {
  #child: ChildProcess | null = null;
  #home = mkdtempSync(join(tmpdir(), 'weft-home-'));
  #said = '';
  url = '';

  private constructor(readonly args: readonly string[]) {}

  static async start(...args: string[]): Promise<Studio> {
    const studio = new Studio(args);
    await studio.begin();
    return studio;
  }

  /** Starts it, or starts it again where it was. */
  async begin(): Promise<void> {
    const addr = this.url ? new URL(this.url).host : '127.0.0.1:0';
    const env = { ...process.env, HOME: this.#home, XDG_CACHE_HOME: join(this.#home, 'cache') };
    const child = spawn(inject('weft'), ['serve', ...this.args, '--addr', addr], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (data) => (this.#said += data));
    this.url = await new Promise<string>((found, failed) => {
      let out = '';
      child.stdout.on('data', (data) => {
        out += data;
        const line = /^(http:\S+)\s/.exec(out);
        if (line) found(line[1]!);
      });
      child.on('error', failed);
      child.on('exit', (code) => failed(new Error(`weft serve ended with ${code}: ${this.#said}`)));
    });
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** Seconds of processor time that it has used. */
  get cpu(): number {
    const fields = readFileSync(`/proc/${this.#child!.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async get<T>(path: string): Promise<T> {
    return read<T>(await fetch(`${this.url}/api/${path}`));
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    return read<T>(await fetch(`${this.url}/api/${path}`, { method: 'POST', body: JSON.stringify(body) }));
  }
}

async function read<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** What `weft look --json` prints. */
export function look<T>(...args: string[]): T {
  return JSON.parse(execFileSync(inject('weft'), ['look', '--json', ...args], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] })) as T;
}
