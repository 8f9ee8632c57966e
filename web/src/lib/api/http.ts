import { keyFromHash } from '../hash';
import { events } from './sse';
import type { ErrorBody, Progress } from './types';

/** A request that failed: a sentence with a next step, and what kind it is. */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorBody['code'],
    message: string,
    readonly status = 0
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** True for a request that its own caller stopped: nothing to report. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** What to show for anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Listener = (reachable: boolean) => void;
const listeners = new Set<Listener>();

/** Calls back whenever a request shows that the server can or cannot be reached. */
export function onReach(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Addresses are relative to the page, so that it works under any path of a proxy. */
export function address(path: string, query: Record<string, Value> = {}): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '' && value !== null) params.set(key, String(value));
  }
  const text = params.toString();
  return `api/${path}${text ? `?${text}` : ''}`;
}

export type Value = string | number | boolean | undefined | null;

/** Sends one request with the key if there is one; throws ApiError for every answer but 2xx. */
export async function send(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = apiKey();
  if (key) headers.set('Authorization', `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers });
  } catch (error) {
    if (isAbort(error) || init.signal?.aborted) throw new DOMException('stopped', 'AbortError');
    reach(false);
    throw new ApiError('offline', 'The server does not answer. Start it again with weft studio; this page notices by itself.');
  }
  reach(true);
  if (response.ok) return response;
  throw await failure(response);
}

export async function getJson<T>(path: string, query: Record<string, Value> = {}, signal?: AbortSignal): Promise<T> {
  const response = await send(address(path, query), { signal, headers: { Accept: 'application/json' } });
  return (await response.json()) as T;
}

export async function postJson<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const response = await send(address(path), {
    method: 'POST',
    signal,
    headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
    body: JSON.stringify(body)
  });
  return (await response.json()) as T;
}

export interface StreamOptions {
  signal?: AbortSignal;
  method?: 'GET' | 'POST';
  onProgress?: (progress: Progress) => void;
  /** Every event that is not progress, result or error. */
  onEvent?: (event: string, data: unknown) => void;
}

/**
 * Asks for long work and follows it; gives back what its `result` event holds.
 * Stopping the signal closes the connection, which stops the work.
 */
export async function stream<T>(path: string, body: unknown, options: StreamOptions = {}): Promise<T> {
  const method = options.method ?? 'POST';
  const response = await send(address(path), {
    method,
    signal: options.signal,
    headers: { Accept: 'text/event-stream', ...(method === 'POST' ? { 'Content-Type': 'application/json' } : {}) },
    body: method === 'POST' ? JSON.stringify(body) : undefined
  });
  if (!response.headers.get('Content-Type')?.includes('text/event-stream')) return (await response.json()) as T;
  try {
    for await (const event of events(response)) {
      const data: unknown = JSON.parse(event.data);
      if (event.event === 'progress') options.onProgress?.(data as Progress);
      else if (event.event === 'result') return data as T;
      else if (event.event === 'error') throw errorOf(data, 500);
      else options.onEvent?.(event.event, data);
    }
  } catch (error) {
    if (error instanceof ApiError || isAbort(error)) throw error;
    if (options.signal?.aborted) throw new DOMException('stopped', 'AbortError');
    if (error instanceof SyntaxError) throw new ApiError('internal', `The server's answer cannot be read: ${error.message}.`);
    reach(false);
  }
  if (options.signal?.aborted) throw new DOMException('stopped', 'AbortError');
  throw new ApiError('offline', 'The connection broke before the answer was whole. Ask again.');
}

function reach(ok: boolean): void {
  for (const listener of listeners) listener(ok);
}

async function failure(response: Response): Promise<ApiError> {
  if (response.status === 401) {
    return new ApiError('unauthorized', 'This server wants its API key. Open the address that weft printed, which ends in #key=…, or append #key=YOURKEY to this one.', 401);
  }
  try {
    return errorOf(await response.json(), response.status);
  } catch {
    return new ApiError('internal', `The server answered ${response.status} ${response.statusText}.`, response.status);
  }
}

function errorOf(data: unknown, status: number): ApiError {
  const outer = data as { error?: Partial<ErrorBody> } & Partial<ErrorBody>;
  const body = outer.error ?? outer;
  return new ApiError(body.code ?? 'internal', body.message ?? `The server answered ${status}.`, status);
}

const slot = 'weft.key';

/** Moves a key from the address, where it could be seen and sent on, into the tab's memory; true: there was one. */
export function takeKey(): boolean {
  const found = keyFromHash(location.hash);
  if (!found) return false;
  sessionStorage.setItem(slot, found.key);
  history.replaceState(null, '', found.rest === '#' ? location.pathname + location.search : found.rest);
  return true;
}

function apiKey(): string | null {
  return typeof sessionStorage === 'undefined' ? null : sessionStorage.getItem(slot);
}
