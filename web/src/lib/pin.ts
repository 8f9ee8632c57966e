/** One number: of an activation of the run, or of a weight of the model. */
export interface Where {
  /** Hook name ("blocks.3.attn.hook_q") or tensor name ("blk.3.attn_q.weight"). */
  name: string;
  weight?: boolean;
  head?: number;
  row: number;
  col: number;
}

/** "blocks.3.attn.hook_q:2:5:17"; weights begin with "w/", no head is "-". */
export function formatPin(where: Where): string {
  return `${where.weight ? 'w/' : ''}${where.name}:${where.head ?? '-'}:${where.row}:${where.col}`;
}

export function parsePin(text: string): Where | null {
  const match = /^(w\/)?(.+):(-|\d+):(\d+):(\d+)$/.exec(text);
  if (!match) return null;
  return {
    name: match[2]!,
    weight: match[1] !== undefined,
    head: match[3] === '-' ? undefined : Number(match[3]),
    row: Number(match[4]),
    col: Number(match[5])
  };
}
