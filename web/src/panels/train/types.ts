/** What the server says about training runs, in its own names. */
export type State = 'waiting' | 'training' | 'stopped' | 'done' | 'failed';

export interface TextInfo {
  name: string;
  bytes: number;
  sha256: string;
}

export interface RunInfo {
  run: string;
  preset: string;
  seed: number;
  text: TextInfo;
  created: string;
  state: State;
  error?: string;
  step: number;
  /** 0: not known yet. */
  steps: number;
  checkpoints: number[];
  val_bpb?: number;
  kept?: number;
  attached: boolean;
}

export interface Preset {
  name: string;
  about: string;
  steps: number;
  expected: boolean;
}

export interface TrainList {
  enabled: boolean;
  runs: RunInfo[];
  presets: Preset[];
  samples: TextInfo[];
  max_text_bytes: number;
}

export interface Line {
  step: number;
  loss: number;
  bpb: number;
  val_loss: number | null;
  val_bpb: number | null;
  lr: number;
  grad_norm: number;
  tokens: number;
  epoch: number;
  tokens_per_s: number;
  flops_share: number | null;
  eta_s: number | null;
  elapsed_s: number;
}

export interface Sample {
  step: number;
  text: string;
}

export interface Expected {
  low: [number, number][];
  high: [number, number][];
  seeds: number;
  why?: string;
}

export interface Recipe {
  seq: number;
  batch: number;
  horizon: { steps?: number; minutes?: number };
  optimizer: { kind: string; lr: number; muon_lr?: number };
  tokenizer: { kind: string; vocab: number };
  seed: number;
}

export interface RunDetail extends RunInfo {
  recipe: Recipe;
  lines: Line[];
  samples: Sample[];
  expected: Expected;
  next: number;
}

export interface Plan {
  params: number;
  memory: number;
  text_bytes: number;
  train_tokens: number;
  val_tokens: number;
  vocab: number;
  step: number;
  steps: number;
  threads: number;
}

export interface Done {
  state: State;
  step: number;
  why?: string;
  val_bpb?: number;
  kept?: number;
}

/** What starts a run. */
export interface Ask {
  text?: string;
  text_name?: string;
  sample?: string;
  preset: string;
  steps?: number;
  minutes?: number;
  seed?: number;
  lr?: number;
  batch?: number;
  seq?: number;
  vocab?: number;
  attached?: boolean;
}
