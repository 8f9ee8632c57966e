import type { TensorEntry } from '../../lib/api/types';

export type Grouping = 'block' | 'part';

export interface Group {
  name: string;
  params: number;
  tensors: TensorEntry[];
}

const partNames: Record<string, string> = { embedding: 'embedding', attention: 'attention', mlp: 'MLP', norm: 'norms', norms: 'norms', head: 'unembedding' };

export function partName(part: string): string {
  return partNames[part] ?? part;
}

/** Tensors in groups, largest first inside; blocks stay in their order if that is asked for. */
export function groups(tensors: readonly TensorEntry[], by: Grouping): Group[] {
  const found = new Map<string, Group>();
  for (const tensor of tensors) {
    const name = by === 'part' ? partName(tensor.part) : tensor.layer >= 0 ? `block ${tensor.layer}` : partName(tensor.part);
    const group = found.get(name) ?? { name, params: 0, tensors: [] };
    group.params += tensor.params;
    group.tensors.push(tensor);
    found.set(name, group);
  }
  const out = [...found.values()];
  for (const group of out) group.tensors.sort((a, b) => b.params - a.params);
  return out.sort((a, b) => b.params - a.params);
}

const roles: [RegExp, string, string][] = [
  [/token_embd/, 'W_E', 'a row for every token: its first vector'],
  [/position_embd/, 'W_pos', 'a row for every place in the text'],
  [/attn_qkv/, 'W_QKV', 'makes queries, keys and values'],
  [/attn_q\./, 'W_Q', 'makes queries: what each head asks for'],
  [/attn_k\./, 'W_K', 'makes keys: what a token offers to be found by'],
  [/attn_v\./, 'W_V', 'makes values: what a token hands over'],
  [/attn_output/, 'W_O', 'writes what the heads found back into the stream'],
  [/ffn_gate/, 'W_gate', 'decides which neurons of the MLP are on'],
  [/ffn_up/, 'W_in', 'widens the vector in the MLP'],
  [/ffn_down/, 'W_out', 'narrows it again and writes into the stream'],
  [/output\.weight|lm_head/, 'W_U', 'a row for every token: what the last vector is compared with'],
  [/q_norm|k_norm/, 'norm', 'brings queries or keys to a standard size'],
  [/norm/, 'norm', 'brings the vector to a standard size']
];

/** A short sign for a tensor and what it does, from its name. */
export function role(name: string): { sign: string; what: string } {
  const found = roles.find(([pattern]) => pattern.test(name));
  const bias = name.endsWith('.bias');
  return found ? { sign: bias ? found[1].replace('W_', 'b_') : found[1], what: bias ? `is added after: ${found[2]}` : found[2] } : { sign: name, what: '' };
}
