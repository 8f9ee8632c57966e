import type { Changes } from '../../lib/router.svelte';

/** Something to do at a stop: what, and the view that it leads to. */
export interface Deed {
  text: string;
  panel: string;
  state: Changes;
}

export interface Stop {
  id: string;
  title: string;
  /** Paragraphs, short enough for the drawer. */
  text: string[];
  deeds: Deed[];
}

const text = 'To be, or not to be';
const places = 'The mother said to the man and the mother';

/** The way of an introductory text on language models. docs/tour.md goes it in the terminal. */
export const stops: readonly Stop[] = [
  {
    id: 'numbers',
    title: 'Only numbers: vectors and matrices',
    text: [
      'A language model knows no words. It has lists of numbers, vectors, and tables of numbers, matrices. It does one thing over and over: multiply a vector by a matrix, which mixes its numbers into new ones.',
      'A ribbon draws a vector: a cell per number, blue below zero, orange above. The same colours mean the same everywhere on this page.'
    ],
    deeds: [
      { text: 'See where all the numbers sit', panel: 'model', state: {} },
      { text: 'Open one matrix and point at a number in it', panel: 'model', state: { tensor: 'blk.0.attn_q.weight', see: 'tensor' } }
    ]
  },
  {
    id: 'tokens',
    title: 'Text becomes tokens',
    text: [
      'The text is cut into tokens: frequent words whole, rare ones in pieces, any byte at worst by itself, so that nothing is unknown. Each token is only a number.',
      '␣ is a space, ↵ a new line; a token usually carries the space before it. The cuts were learned from text, by merging the most frequent pair of neighbours again and again.'
    ],
    deeds: [
      { text: 'See a text cut into tokens', panel: 'flow', state: { prompt: text } },
      { text: 'Try a long, rare word', panel: 'flow', state: { prompt: 'The antidisestablishmentarianism of it' } }
    ]
  },
  {
    id: 'embeddings',
    title: 'Tokens become vectors',
    text: [
      'Each token looks up its row in the embedding table. That row is its first vector, the same whatever stands around it.',
      'Tokens that are used alike end up with vectors that point the same way, and directions mean something: take the boy away from a man and add the girl.'
    ],
    deeds: [
      { text: 'What is “mother” near?', panel: 'words', state: { plus: ' mother' } },
      { text: 'man − boy + girl', panel: 'words', state: { plus: ' man, girl', minus: ' boy' } },
      { text: 'What is “dog” near? (If it is no token here, you see how it is spelled.)', panel: 'words', state: { plus: 'dog' } }
    ]
  },
  {
    id: 'positions',
    title: 'Positions: the same word in ninth place',
    text: [
      'Add up vectors and “dog bites man” is “man bites dog”, so the place must get in. GPT-2 adds a second learned vector for each place. Newer models turn queries and keys by an angle that grows with the position (RoPE), so that what counts is how far apart two tokens are.',
      'The mother stands twice in this text. Before the first block both are one vector; after it they are not.'
    ],
    deeds: [
      { text: 'The first mother, before the first block', panel: 'words', state: { prompt: places, pos: 1, depth: 0, see: 'text' } },
      { text: 'The mother in ninth place, after the first block', panel: 'words', state: { prompt: places, pos: 8, depth: 1, see: 'text' } },
      { text: 'Which kind of positions this model has', panel: 'model', state: { view: 'about' } }
    ]
  },
  {
    id: 'attention',
    title: 'Attention: vectors look at each other',
    text: [
      'A head asks with a query, offers with a key and hands over a value: three matrices times the token’s vector. How well a query fits a key decides how much is taken. Each row of the pattern adds up to 100 %, and nobody may look ahead.',
      'Every new token looks back at all before it. Keys and values of all of them are kept, so the memory for the context grows with every token: that is why it fills up.'
    ],
    deeds: [
      { text: 'See where every head looks', panel: 'lens', state: { view: 'heads', prompt: text } },
      { text: 'Measure what kind each head is', panel: 'model', state: { view: 'heads' } },
      { text: 'What the context costs', panel: 'model', state: { view: 'size' } }
    ]
  },
  {
    id: 'mlp',
    title: 'The feed-forward network: each vector alone',
    text: [
      'After looking around, every vector goes through the same two or three matrices by itself. They widen it, switch parts off, and narrow it again. What a neuron writes was learned; whether it fires, your text decides.',
      'Most of the parameters of most models are here.'
    ],
    deeds: [
      { text: 'Open a block and look at its MLP', panel: 'flow', state: { prompt: text, layer: 0 } },
      { text: 'How much of the model the MLPs are', panel: 'model', state: { by: 'part' } }
    ]
  },
  {
    id: 'stack',
    title: 'Stacking: residuals and norms',
    text: [
      'A block is attention, then MLP, and a model is a pile of blocks. Neither replaces the vector; both add to it. So there is one stream from bottom to top that everyone reads from and writes into: the residual stream, the thread in the loom.',
      'Before anyone reads, a norm brings the vector to a standard size, so that the growing stream does no harm.'
    ],
    deeds: [
      { text: 'Follow one thread to the end', panel: 'flow', state: { prompt: text } },
      { text: 'Ask every depth what it would say', panel: 'lens', state: { prompt: text } }
    ]
  },
  {
    id: 'probabilities',
    title: 'From a vector to probabilities',
    text: [
      'At the top the last vector is compared with a vector of every token in the vocabulary. That gives a score each, the logits; softmax turns them into probabilities. One token is drawn, put behind the text, and all begins again.',
      'The score is a sum of what every part wrote, so one can ask who wrote it. Whether a part was needed is another question: take it out and read again.'
    ],
    deeds: [
      { text: 'Who wrote the answer', panel: 'lens', state: { view: 'why', prompt: text } },
      { text: 'Take a part out and see the answer change', panel: 'lens', state: { view: 'change', prompt: text } }
    ]
  },
  {
    id: 'chat',
    title: 'Control tokens and the chatbot loop',
    text: [
      'A chatbot is the same loop with a convention for who speaks. Messages are put into a template with control tokens that nobody can type; the model goes on until it writes the one that ends its turn.',
      'A model without a template only continues texts. Both are one long list of tokens to it.'
    ],
    deeds: [
      { text: 'Begin a conversation, then click a token and go on with another', panel: 'chat', state: {} },
      { text: 'Guess every token before it is shown', panel: 'chat', state: { guess: true } }
    ]
  },
  {
    id: 'kinds',
    title: 'Three kinds of numbers',
    text: [
      'Hyperparameters are chosen by whoever designs the model: how many blocks, how wide the vectors. Parameters are learned in training and the same for every prompt. Activations are made by your prompt and gone when it is answered.',
      'Each has its colour on this page: ochre for chosen, violet for learned, green for made.'
    ],
    deeds: [
      { text: 'What was chosen', panel: 'model', state: { view: 'about' } },
      { text: 'What was learned', panel: 'model', state: {} },
      { text: 'What your text makes', panel: 'flow', state: { prompt: text } }
    ]
  },
  {
    id: 'batches',
    title: 'Vectors of vectors, and batches',
    text: [
      'The tokens of a text go through a block together: their vectors, one below the other, are a matrix, and one multiplication serves them all. Several texts at once are only more rows. That is batching, and it is why reading a prompt is so much faster per token than writing an answer.',
      'In this program the numbers of a text do not change, to the last bit, whatever shares its batch.'
    ],
    deeds: [
      { text: 'The rows of a text inside a block', panel: 'flow', state: { prompt: text, layer: 1 } },
      { text: 'Compare: how fast a prompt was read, how fast an answer written (audit mode, below each answer)', panel: 'chat', state: { mode: 'audit' } }
    ]
  },
  {
    id: 'training',
    title: 'Training: sand settles into a pattern',
    text: [
      'Begin with random numbers and a text. Let the model guess each next token; the loss is how surprised it was. For every parameter calculus says which way less surprise lies; move all a little, and repeat. Strew sand on a plate, strike it, and a pattern appears.',
      'Strike it again with another seed: the new model says much the same, and not one parameter is the same. What was learned is the function, not the numbers.'
    ],
    deeds: [
      { text: 'Train a small model on a text of yours', panel: 'train', state: {} },
      { text: 'Then train it with another seed, and put both side by side', panel: 'train', state: { seed: 2 } }
    ]
  },
  {
    id: 'values',
    title: 'What the values mean',
    text: [
      'Mostly nothing, one by one. A single number of a vector rarely stands for anything a person could name; directions do, and heads and neurons whose work one can test. Whoever claims to know what a part does should be able to take it out and say beforehand what happens.'
    ],
    deeds: [
      { text: 'What a vector in a text would make likelier', panel: 'words', state: { prompt: text, see: 'text' } },
      { text: 'Test a claim: take a head out', panel: 'lens', state: { view: 'change', prompt: text } }
    ]
  },
  {
    id: 'scale',
    title: 'What more would need',
    text: [
      'Five to fifteen billion parameters fit into a good laptop when each is stored in four bits. Hundreds of billions need a machine of their own, a trillion several. Training grows faster than that: more parameters want more text, so the work grows with the square.',
      'All you have seen stays as it is: the same blocks, only more and wider.'
    ],
    deeds: [{ text: 'From here to a trillion', panel: 'model', state: { view: 'size' } }]
  }
];
