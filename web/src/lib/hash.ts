/** What the address says: a panel and its state. Pure; the router holds one. */
export interface Place {
  panel: string;
  params: Record<string, string>;
}

/** Reads "#/flow?model=a&prompt=b%20c". Anything else is a place without a panel. */
export function parseHash(hash: string): Place {
  const body = hash.replace(/^#/, '');
  if (!body.startsWith('/')) return { panel: '', params: {} };
  const cut = body.indexOf('?');
  const path = cut < 0 ? body.slice(1) : body.slice(1, cut);
  const params: Record<string, string> = {};
  if (cut >= 0) {
    for (const [key, value] of new URLSearchParams(body.slice(cut + 1))) params[key] = value;
  }
  return { panel: path.replace(/\/+$/, ''), params };
}

/** Writes a place; empty parameters are left out, and the order is kept. */
export function formatHash(place: Place): string {
  const query = Object.entries(place.params)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${encode(key)}=${encode(value)}`)
    .join('&');
  return `#/${place.panel}${query ? `?${query}` : ''}`;
}

// encode keeps what reads well in an address and is safe in a fragment.
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%20/g, '+').replace(/%2C/g, ',').replace(/%3A/g, ':').replace(/%40/g, '@').replace(/%2F/g, '/');
}

/**
 * Takes an API key out of "#key=…" or "#key=…&/flow?…", which is how a link brings one, or of "#/flow?…#key=…", where
 * somebody wrote it behind an address; null: there is none.
 */
export function keyFromHash(hash: string): { key: string; rest: string } | null {
  const behind = /^(#\/.*)#key=([^&#]*)$/.exec(hash);
  if (behind) return { key: decode(behind[2] ?? ''), rest: behind[1] ?? '#' };
  const match = /^#key=([^&]*)(?:&(.*))?$/.exec(hash);
  return match ? { key: decode(match[1] ?? ''), rest: `#${match[2] ?? ''}` } : null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
