import type { Component } from 'svelte';
import type { Topic } from './app.svelte';

/** A panel is a folder under src/panels with a Panel.svelte, loaded when it is first shown. */
export interface PanelEntry {
  id: string;
  name: string;
  /** It looks at the shared prompt, whose field then stands in the top bar. */
  prompt: boolean;
  /** Lines of a 24 × 24 drawing. */
  icon: string;
  /** What the drawer says until something in the panel has the focus. */
  topic: Topic;
  load: () => Promise<{ default: Component }>;
}

export const panels: readonly PanelEntry[] = [
  {
    id: 'chat',
    name: 'Chat',
    prompt: false,
    icon: 'M4 5h16v11H10l-4 4v-4H4z',
    topic: {
      title: 'A conversation, token by token',
      plain:
        'The model writes one token at a time: it gives every token of its vocabulary a probability, one is drawn, and the whole text so far goes in again. The deeper the tint under a token, the more alternatives the model saw. Point at a token to see them, click it to go on with another.',
      formula: 'p = softmax(logits)\nnext ~ sampler(p)',
      stop: 'chat'
    },
    load: () => import('../panels/chat/Panel.svelte')
  },
  {
    id: 'flow',
    name: 'Flow',
    prompt: true,
    icon: 'M3 7h4c6 0 4 10 10 10h4M3 17h4c6 0 4-10 10-10h4',
    topic: {
      title: 'The whole way of a prompt',
      plain:
        'Each line is one token’s vector on its way up through the blocks. Inside a block attention lets tokens take from earlier ones, and the feed-forward network changes each by itself; both add to the line. At the end the last vector becomes a probability for every token.',
      formula: 'x ← x + Attn(N(x))\nx ← x + MLP(N(x))\nlogits = U·N(x)',
      stop: 'stack'
    },
    load: () => import('../panels/flow/Panel.svelte')
  },
  {
    id: 'lens',
    name: 'Lens',
    prompt: true,
    icon: 'M10.500 4a6.500 6.500 0 1 1 0 13a6.500 6.500 0 0 1 0-13zM15.200 15.200L20 20',
    topic: {
      title: 'Where an answer comes from',
      plain:
        'The lens asks every depth of the model what it would say if it stopped there. Attribution splits the final score into what each part wrote. Taking a part away and reading again tests whether it mattered.',
      formula: 'lens: softmax(U·N(x_l))\nscore = Σ parts ⟨c, g⊙U_t⟩/σ',
      stop: 'probabilities'
    },
    load: () => import('../panels/lens/Panel.svelte')
  },
  {
    id: 'words',
    name: 'Words',
    prompt: true,
    icon: 'M5 18l4-12l4 12M6.300 14h5.400M16 18v-7M16 14.500a2.500 3 0 1 1 0 .1',
    topic: {
      title: 'Words as directions',
      plain:
        'Every token of the vocabulary has a learned vector. Tokens that are used alike end up pointing the same way, and the map shows that in the two directions in which the chosen tokens differ most. Directions can be added and taken away.',
      formula: 'cosine(a, b) = a·b / (|a||b|)',
      stop: 'embeddings'
    },
    load: () => import('../panels/words/Panel.svelte')
  },
  {
    id: 'train',
    name: 'Train',
    prompt: false,
    icon: 'M4 4v16h16M7 8c3 7 6 9 12 9.500',
    topic: {
      title: 'Training, as it happens',
      plain:
        'Training begins with random parameters and moves each a little, again and again, so that the real next token gets likelier. The loss falls fast at first; that is when sand turns into a pattern. Drag the play-head to see any panel at an earlier checkpoint.',
      formula: 'θ ← θ − lr · step(∂loss/∂θ)',
      stop: 'training'
    },
    load: () => import('../panels/train/Panel.svelte')
  },
  {
    id: 'model',
    name: 'Model',
    prompt: false,
    icon: 'M4 4h9v9H4zM15 4h5v5h-5zM15 11h5v9h-5zM4 15h9v5H4z',
    topic: {
      title: 'What the model is made of',
      plain:
        'A model is a pile of learned matrices; the areas show how many parameters each holds. Open one to see its numbers. Most are in the feed-forward networks, and in small models in the embedding.',
      formula: 'block ≈ 4·d² (attention) + 3·d·m (MLP)',
      stop: 'numbers'
    },
    load: () => import('../panels/model/Panel.svelte')
  },
  {
    id: 'tour',
    name: 'Tour',
    prompt: false,
    icon: 'M6 21V4M6 5h11l-2.500 3.500L17 12H6',
    topic: {
      title: 'The tour',
      plain:
        'It goes the way of an introductory text on language models, with something to do at every stop. What to do stands in this drawer while you are in the other panels. Stop and go on wherever you like: the address remembers.'
    },
    load: () => import('../panels/tour/Panel.svelte')
  }
];

export const firstPanel = 'tour';

export function panelOf(id: string): PanelEntry {
  return panels.find((panel) => panel.id === id) ?? panels.find((panel) => panel.id === firstPanel)!;
}
