/** What the server answers. Names are the server's own (snake case), as in `weft … --json`. */
export interface Piece {
  id: number;
  text: string;
  bytes?: number[];
  special: boolean;
}

export interface ErrorBody {
  message: string;
  code: 'bad_request' | 'not_found' | 'too_large' | 'over_budget' | 'busy' | 'gone' | 'internal' | 'offline' | 'unauthorized';
}

export interface Progress {
  stage: string;
  done: number;
  total: number;
}

export interface ServerState {
  version: string;
  threads: number;
  cpu: string;
  default: string;
  uptime_s: number;
  boot: string;
}

export interface ModelEntry {
  name: string;
  path_kind: 'builtin' | 'file' | 'store' | 'train';
  open: boolean;
  default: boolean;
  bytes: number;
}

export interface Provenance {
  name: string;
  arch: string;
  params: number;
  types: Record<string, number>;
  hash: string;
  arithmetic: string;
  cache: string;
  template: string;
  bos: number | null;
  begins_with_bos: boolean;
}

export interface Hyperparameter {
  name: string;
  value: number | string | boolean;
  what: string;
}

export interface TensorEntry {
  name: string;
  point?: string;
  part: string;
  layer: number;
  shape: number[];
  type: string;
  bytes: number;
  params: number;
}

export interface MemoryAt {
  context: number;
  weights: number;
  cache: number;
  activations: number;
  total: number;
}

export interface ModelInfo {
  provenance: Provenance;
  arch: string;
  params: number;
  layers: number;
  dim: number;
  heads: number;
  kv_heads: number;
  head_dim: number;
  mlp_dim: number;
  vocab: number;
  context: number;
  tied: boolean;
  hyperparameters: Hyperparameter[];
  params_by_part: Record<string, number>;
  bytes_by_type: Record<string, number>;
  memory_bytes: MemoryAt[];
  tensors: TensorEntry[];
  /** Its name; "plain": the model only continues texts. */
  template: string;
  chat_template: string;
  licence: string;
  sampling: Partial<Sampling>;
  data_sources?: string[];
}

export interface TensorStats {
  shape: number[];
  type: string;
  min: number;
  max: number;
  mean: number;
  std: number;
  zeros: number;
  not_finite?: number;
  quantiles: Record<string, number>;
  histogram: { lo: number; hi: number; counts: number[]; below?: number; above?: number };
  row_norms?: number[];
}

export interface Check {
  name: string;
  what: string;
  error: number;
  tolerance: number;
  ok: boolean;
}

export interface Candidate {
  id: number;
  text: string;
  /** Where the text alone is broken. */
  bytes?: number[];
  logit: number;
  p: number;
}

export interface Point {
  name: string;
  kind: string;
  layer: number;
  shape: number[];
  dims: string[];
  formula: string;
}

export interface BlockNorms {
  layer: number;
  resid_norm: number[];
  attn_norm: number[];
  mlp_norm: number[];
  attn_cos: number[];
  mlp_cos: number[];
}

export interface Run {
  run: string;
  provenance: Provenance;
  ids: number[];
  pieces: Piece[];
  added: number[];
  blocks: BlockNorms[];
  embedding: { norms: number[] };
  prediction: Candidate[];
  points: Point[];
  checks: Check[];
}

export interface CellTerm {
  label: string;
  a: number;
  b: number;
  product: number;
}

export interface CellInput {
  point?: string;
  tensor?: string;
  rows: [number, number];
  cols: [number, number];
}

export interface Cell {
  value: number;
  point: string;
  row: number;
  col: number;
  formula: string;
  terms?: CellTerm[];
  terms_total?: number;
  terms_sum?: number;
  /** What is done with the sum of the terms, in words; "": nothing. */
  then?: string;
  sum?: number;
  inputs?: CellInput[];
  error?: number;
  tolerance?: number;
  ok?: boolean;
  arithmetic?: string;
  go?: string;
  curl?: string;
}

export interface Tokenized {
  ids: number[];
  pieces: Piece[];
  prompt_text?: string;
  added: number[];
  offsets?: [number, number][];
}

export interface Sampling {
  temp: number;
  top_k: number;
  top_p: number;
  min_p: number;
  repeat_penalty: number;
  presence_penalty: number;
  frequency_penalty: number;
  repeat_last_n: number;
  seed: number;
}

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
  reasoning?: string;
}

export interface ChatPrompt {
  ids: number[];
  pieces: Piece[];
  added: number[];
  text: string;
  template: string;
  dropped: number;
  context: number;
  max_tokens: number;
  sampling: Sampling;
}

/** A token that could be taken; null where the probability is not a number. */
export interface Alternative {
  id: number;
  text: string;
  p: number | null;
}

export interface SamplerStep {
  name: string;
  setting: string;
  kept: number;
  candidates: Alternative[];
  draw?: { u: number; from: number; width: number };
  note?: string;
}

/** Probabilities are the model's own, over the whole vocabulary, before any option. */
export interface ChatToken {
  /** -1: the broken character that an answer ends with. */
  id: number;
  text: string;
  piece?: Piece;
  logprob: number | null;
  p: number | null;
  entropy_bits: number | null;
  top: Alternative[];
  steps?: SamplerStep[];
  forced: boolean;
}

export interface ChatResult {
  text: string;
  message: Message;
  ids: number[];
  pieces: Piece[];
  finish: 'stop' | 'length' | 'context';
  stop_text?: string;
  stop_token?: Piece;
  timing: Record<string, number>;
}

export interface Neighbour {
  id: number;
  text: string;
  cosine: number;
}

export interface Neighbours {
  provenance: Provenance;
  space: string;
  tied: boolean;
  plus: number[];
  minus: number[] | null;
  near: Neighbour[];
  checks: Check[];
  plus_pieces: Piece[];
  minus_pieces: Piece[];
  /** Of a single token: with and without a space, in the other case. */
  other_forms: Piece[];
}

export interface Projection {
  provenance: Provenance;
  space: string;
  tokens: number[];
  pieces: Piece[];
  points: [number, number][];
  explained: [number, number];
  checks: Check[];
}

export interface HeadScores {
  layer: number;
  head: number;
  previous: number;
  duplicate: number;
  induction: number;
  first: number;
  copy: number;
  kind: string;
}

export interface HeadCard {
  provenance: Provenance;
  method: string;
  length: number;
  sequences: number;
  seed: number;
  threshold: number;
  heads: HeadScores[];
  found: Record<string, { layer: number; head: number }[]>;
  no_copy?: string;
  loss_first: number;
  loss_second: number;
  checks: Check[];
}
