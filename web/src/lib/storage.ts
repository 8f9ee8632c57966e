/** Small preferences of this browser; where storage is forbidden they last as long as the page. */
const memory = new Map<string, string>();

export function load(key: string): string | null {
  try {
    return localStorage.getItem(`weft.${key}`) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

export function save(key: string, value: string): void {
  memory.set(key, value);
  try {
    localStorage.setItem(`weft.${key}`, value);
  } catch {
    // Private windows may refuse: the choice then holds until the page is closed.
  }
}
