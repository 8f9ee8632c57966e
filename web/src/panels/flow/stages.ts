import type { Point } from '../../lib/api/types';
import type { Kind } from '../../lib/color';

/** What a column of the loom draws for every token. */
export type Draws = 'text' | 'bytes' | 'token' | 'ribbon' | 'pattern' | 'crossing' | 'fan';

/** One column of the loom: a stage on the way from text to the next token. */
export interface Stage {
  id: string;
  draws: Draws;
  /** What stands above the column, and below it, smaller. */
  title: string;
  note: string;
  /** The hook whose numbers it shows. */
  point?: string;
  head?: number;
  layer: number;
  /** Numbers per token. */
  cols: number;
  kind: Kind | '';
  /** Three plain sentences at most; the formula for an engineer. */
  plain: string;
  formula: string;
  x: number;
  width: number;
  /** Part of an open block. */
  inside?: boolean;
}

export interface Shape {
  points: readonly Point[];
  layers: number;
  heads: number;
  kvHeads: number;
  tokens: number;
  vocab: number;
}

/** How wide a cell is at least: what is thinner is noise to the eye. */
export const cellWidth = 2;

/** How many cells a column is drawn in. */
export function cellsOf(stage: Stage): number {
  return Math.max(1, Math.min(stage.cols, Math.floor(stage.width / cellWidth)));
}

/** Room between two columns, where the thread can be seen. */
export const gap = 26;
const crossing = 76;

/** All columns in order, with their places. A block is one crossing and one ribbon until it is opened. */
export function stagesOf(shape: Shape, open: number, head: number): Stage[] {
  const byName = new Map(shape.points.map((point) => [point.name, point]));
  const list: Stage[] = [];
  let x = 0;
  const add = (stage: Omit<Stage, 'x'>) => {
    list.push({ ...stage, x });
    x += stage.width + gap;
  };
  const ribbon = (point: string, title: string, note: string, width: number, plain: string, formula: string, more: Partial<Stage> = {}) => {
    const found = byName.get(point);
    if (!found) return;
    const byHead = found.shape.length === 3;
    add({
      id: point, draws: 'ribbon', title, note, point, layer: found.layer,
      cols: found.shape.at(-1)!, head: byHead ? headOf(found, head) : undefined, kind: 'made', plain, formula, width, ...more
    });
  };

  add({ id: 'text', draws: 'text', title: 'Text', note: 'in pieces', layer: -1, cols: 0, kind: '', width: 84, formula: '',
    plain: 'The prompt, cut where the tokenizer cuts it. Marks stand for spaces and line ends.' });
  add({ id: 'bytes', draws: 'bytes', title: 'Bytes', note: 'in base 16', layer: -1, cols: 0, kind: '', width: 84, formula: '',
    plain: 'Text is stored as bytes, numbers from 0 to 255, here in base 16. A plain letter is one byte, others take two to four.' });
  add({ id: 'token', draws: 'token', title: 'Token', note: 'number', layer: -1, cols: 0, kind: 'made', width: 48, formula: 'id = vocabulary[bytes]',
    plain: 'Each piece has a number in the model’s vocabulary. From here on the model sees only these numbers, never letters.' });
  ribbon('hook_embed', 'Vector', 'embedding', 112,
    'The token’s number picks a row of a learned table: its vector. Every cell is one number, blue below zero and orange above.', 'x = W_E[id]');
  ribbon('hook_pos_embed', 'Position', 'learned', 112, 'A second learned vector that says in which place the token stands. It is added to the token’s.', 'x ← x + W_P[position]');

  for (let layer = 0; layer < shape.layers; layer++) {
    if (layer === open) block(layer);
    else {
      add({ id: `blocks.${layer}`, draws: 'crossing', title: `Block ${layer}`, note: `head ${head}`, layer, head, cols: 0, kind: 'looked', width: crossing,
        point: `blocks.${layer}.attn.hook_pattern`,
        plain: `Threads cross where a token takes from an earlier one in head ${head}: the stronger the line, the more. Then the feed-forward network changes each thread by itself. Open the block to see every step.`,
        formula: 'x ← x + Attn(N(x))\nx ← x + MLP(N(x))' });
      residual(layer, 84);
    }
  }
  ribbon('ln_final.hook_normalized', 'Final norm', '', 112, 'Each vector is brought to a standard size before it is compared with the vocabulary.', 'N(x) = x / √(mean(x²) + ε)');
  add({ id: 'logits', draws: 'ribbon', title: 'Logits', note: 'of the last token', point: 'logits', layer: -1, cols: shape.vocab, kind: 'made', width: 150,
    plain: 'The last token’s vector is compared with every token of the vocabulary: one score each. Only the last row matters for what comes next.',
    formula: 'logit[t] = ⟨N(x), W_U[t]⟩' });
  add({ id: 'fan', draws: 'fan', title: 'Probabilities', note: 'of the next token', layer: -1, cols: 0, kind: 'likely', width: 236,
    plain: 'Scores become probabilities that add up to one over the whole vocabulary. One token is chosen, and its thread is knotted on: then everything runs again.',
    formula: 'p[t] = e^logit[t] / Σ e^logit' });
  return list;

  function headOf(point: Point, h: number): number {
    const heads = point.shape[1] ?? 1;
    return Math.min(heads - 1, Math.floor((h * heads) / shape.heads));
  }

  function residual(layer: number, width: number) {
    ribbon(`blocks.${layer}.hook_resid_post`, '', '', width,
      `The token’s vector after block ${layer}: what it was, plus what attention and the feed-forward network added. This is the thread itself, the residual stream.`,
      `x_${layer + 1} = x_${layer} + attn_${layer} + mlp_${layer}`);
  }

  function block(layer: number) {
    const p = `blocks.${layer}.`;
    const inside = { inside: true };
    const wide = 128;
    add({ id: `blocks.${layer}`, draws: 'crossing', title: `Block ${layer}`, note: `head ${head}`, layer, head, cols: 0, kind: 'looked', width: crossing, inside: true,
      point: `${p}attn.hook_pattern`, plain: `Head ${head} of block ${layer}: which tokens each token takes from.`, formula: 'x ← x + Attn(N(x))' });
    const norm = ['N(x) = x / √(mean(x²) + ε)', 'The vector at a standard size, so that what reads it is not upset by how long it has grown. The learned gain comes after.'] as const;
    ribbon(`${p}ln1.hook_normalized`, 'Norm', 'for attention', wide, norm[1], norm[0], inside);
    ribbon(`${p}attn.hook_q`, 'Query', `head ${head}`, wide, 'What this token asks for: its normed vector times the learned matrix W_Q of this head.', 'q = N(x) W_Q', inside);
    ribbon(`${p}attn.hook_k`, 'Key', kvNote(), wide, 'What this token offers to be found by: its normed vector times W_K.', 'k = N(x) W_K', inside);
    ribbon(`${p}attn.hook_v`, 'Value', kvNote(), wide, 'What this token hands over to those who look at it: its normed vector times W_V.', 'v = N(x) W_V', inside);
    ribbon(`${p}attn.hook_rot_q`, 'Query, turned', 'RoPE', wide, 'The query, turned by an angle that grows with the position, so that scores depend on how far apart two tokens are.', 'q′ = R(position) q', inside);
    ribbon(`${p}attn.hook_rot_k`, 'Key, turned', 'RoPE', wide, 'The key, turned by an angle that grows with the position.', 'k′ = R(position) k', inside);
    const n = shape.tokens;
    add({ id: `${p}attn.hook_pattern`, draws: 'pattern', title: 'Pattern', note: `head ${head}`, point: `${p}attn.hook_pattern`, layer, head, cols: n, kind: 'looked',
      width: Math.max(wide, Math.min(n * 14, 420)), inside: true,
      plain: 'One row per token, one cell per token it may look at: how much it takes from there. Every row adds up to 1, and nobody sees the future.',
      formula: 'a = softmax(q·k / √d_head)' });
    ribbon(`${p}attn.hook_z`, 'Gathered', `head ${head}`, wide, 'The values of the tokens looked at, weighed by the pattern and added up.', 'z = Σ_j a[j] v[j]', inside);
    ribbon(`${p}ln1_post.hook_normalized`, 'Norm', 'after attention', wide, 'What attention brought, at a standard size, before it is added.', norm[0], inside);
    ribbon(`${p}hook_attn_out`, '+ attention', 'all heads', wide, 'What all heads together add to the thread, through the learned matrix W_O.', 'attn = Σ_h z_h W_O', inside);
    ribbon(`${p}hook_resid_mid`, 'Thread', 'after attention', wide, 'The vector with what attention brought.', 'x_mid = x + attn', inside);
    ribbon(`${p}ln2.hook_normalized`, 'Norm', 'for the MLP', wide, norm[1], norm[0], inside);
    const gated = byName.has(`${p}mlp.hook_pre_linear`);
    ribbon(`${p}mlp.hook_pre`, 'MLP in', gated ? 'gate' : 'before the bend', 168, 'The vector widened: one number per neuron, before it is bent.', 'pre = N(x) W_in', inside);
    ribbon(`${p}mlp.hook_pre_linear`, 'MLP in', 'gated', 168, 'A second widening, which the bent gate multiplies.', 'up = N(x) W_up', inside);
    ribbon(`${p}mlp.hook_post`, 'MLP neurons', 'after the bend', 168, 'What each neuron says. Most are near zero for any one token; those that are not are what the block recognised.', gated ? 'post = act(pre) · up' : 'post = act(pre)', inside);
    ribbon(`${p}ln2_post.hook_normalized`, 'Norm', 'after the MLP', wide, 'What the feed-forward network says, at a standard size, before it is added.', norm[0], inside);
    ribbon(`${p}hook_mlp_out`, '+ MLP', 'added', wide, 'What the feed-forward network adds to the thread.', 'mlp = post W_out', inside);
    ribbon(`${p}hook_resid_post`, 'Thread', `after block ${layer}`, wide, 'The vector after the block. The next one begins with it.', 'x ← x_mid + mlp', inside);
  }

  function kvNote(): string {
    const kv = Math.floor((head * shape.kvHeads) / shape.heads);
    return shape.kvHeads === shape.heads ? `head ${head}` : `shared head ${kv}`;
  }
}

export function widthOf(stages: readonly Stage[]): number {
  const last = stages.at(-1);
  return last ? last.x + last.width : 0;
}

/** The columns that reach into from … to, by binary search. */
export function within(stages: readonly Stage[], from: number, to: number): { first: number; last: number } {
  const first = firstEnding(stages, from);
  let last = first;
  while (last + 1 < stages.length && stages[last + 1]!.x < to) last++;
  return { first, last };
}

/** The column at x; between two it is the one to the left. -1: before all. */
export function stageAt(stages: readonly Stage[], x: number): number {
  const i = firstEnding(stages, x);
  return stages[i] && stages[i].x <= x ? i : i - 1;
}

function firstEnding(stages: readonly Stage[], x: number): number {
  let low = 0, high = stages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stages[middle]!.x + stages[middle]!.width < x) low = middle + 1;
    else high = middle;
  }
  return Math.min(low, Math.max(0, stages.length - 1));
}

/** Which numbers the j-th of w cells stands for, out of cols: the server's own rule. */
export function span(j: number, w: number, cols: number): [number, number] {
  return [Math.floor((j * cols) / w), Math.floor(((j + 1) * cols) / w)];
}
