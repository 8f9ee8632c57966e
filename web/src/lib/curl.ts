import { address, type Value } from './api/http';

/** The command that fetches the same numbers: a GET, or a POST of a body. */
export function curl(path: string, query: Record<string, Value> = {}, body?: unknown, base = location.href.replace(/[#?].*$/, '').replace(/[^/]*$/, '')): string {
  const url = quote(base + address(path, query));
  return body === undefined ? `curl -s ${url}` : `curl -s ${url} -H 'Content-Type: application/json' -d ${quote(JSON.stringify(body))}`;
}

/** A word for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
