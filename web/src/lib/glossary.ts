import type { Kind } from './color';

interface Entry {
  text: string;
  kind?: Kind;
}

/** Words that explain themselves where they stand. One or two plain sentences each. */
const words = {
  token: { kind: 'made', text: 'A piece of text that the model knows by a number: a frequent word whole, a rare one in parts, any byte at worst.' },
  vocabulary: { kind: 'chosen', text: 'All tokens that a model knows. Its size was chosen; which pieces it holds was learned from text.' },
  vector: { text: 'A list of numbers of fixed length. Here it is drawn as a ribbon: a cell per number, blue below zero, orange above.' },
  matrix: { text: 'A table of numbers. Multiplying a vector by it mixes the vector’s numbers into new ones.' },
  embedding: { kind: 'learned', text: 'The table with a row for every token of the vocabulary. Looking up a row turns a token into a vector.' },
  unembedding: { kind: 'learned', text: 'The table that the last vector is compared with, a row per token, to get a score for each.' },
  'tied embeddings': { kind: 'chosen', text: 'One table serves as embedding and unembedding, which saves parameters. Before the first block such a model “predicts” the token it was given; that is no prediction.' },
  parameter: { kind: 'learned', text: 'A number that training learned. It is the same for every prompt.' },
  activation: { kind: 'made', text: 'A number that your prompt made on its way through the model, gone when it is answered.' },
  hyperparameter: { kind: 'chosen', text: 'A number that whoever designed the model chose before training: how many blocks, how wide the vectors.' },
  block: { text: 'Attention, then a feed-forward network. A model is a pile of blocks of the same build with different parameters.' },
  attention: { kind: 'looked', text: 'How a token’s vector takes something from the vectors of earlier tokens, and how much from which.' },
  head: { kind: 'looked', text: 'One of several attentions side by side in a block. Each has its own matrices and looks for something else.' },
  query: { kind: 'made', text: 'What a token asks for in a head: its vector times the matrix W_Q.' },
  key: { kind: 'made', text: 'What a token offers to be found by: its vector times the matrix W_K.' },
  value: { kind: 'made', text: 'What a token hands over to those who look at it: its vector times the matrix W_V.' },
  MLP: { kind: 'learned', text: 'The feed-forward network. It widens each vector by itself, switches parts off, and narrows it again.' },
  norm: { text: 'Brings a vector to a standard size before somebody reads it, so that the growing stream does no harm.' },
  'residual stream': { kind: 'made', text: 'The vector of one token from bottom to top. Attention and MLP do not replace it; they add to it.' },
  logit: { kind: 'made', text: 'The score of a token before it becomes a probability. Only differences between logits matter.' },
  softmax: { text: 'Turns scores into probabilities: each is e to the power of the score, divided by the sum of all of them.' },
  probability: { kind: 'likely', text: 'How likely the model holds a token to come next. Those of the whole vocabulary add up to 100 %.' },
  entropy: { kind: 'likely', text: 'How undecided the model was, in bits: 0 is certain, 1 a toss of a coin, 11 a free choice among 2,048.' },
  logprob: { kind: 'likely', text: 'The natural logarithm of a probability: 0 is certain, −2.3 one in ten.' },
  temperature: { kind: 'chosen', text: 'Divides the logits before the draw. Below 1 the likely gets likelier; 0 always takes the likeliest.' },
  'top-k': { kind: 'chosen', text: 'Keeps only the k likeliest tokens for the draw.' },
  'top-p': { kind: 'chosen', text: 'Keeps the likeliest tokens until their probabilities add up to p.' },
  'min-p': { kind: 'chosen', text: 'Keeps tokens at least min-p times as likely as the likeliest.' },
  'repeat penalty': { kind: 'chosen', text: 'Makes tokens that were said already less likely. 1 changes nothing.' },
  seed: { kind: 'chosen', text: 'The number that the random draws begin with. The same seed gives the same text.' },
  'chat template': { kind: 'chosen', text: 'The text that is put around messages, with control tokens that say who speaks. The model sees only one long list of tokens.' },
  'control token': { kind: 'made', text: 'A token that no one can type: it marks where a turn begins or ends.' },
  BOS: { kind: 'made', text: 'Beginning of sequence: a token that some models want in front of every text.' },
  context: { kind: 'chosen', text: 'The most tokens that the model can look back on. Its keys and values are kept in memory, so it costs some per token.' },
  cosine: { text: 'How much two vectors point the same way: 1 the same, 0 nothing in common, −1 opposite. Length does not count.' },
  'principal components': { text: 'The directions along which the chosen vectors differ most. Two of them make the map; the rest is not seen.' },
  'learned position': { kind: 'learned', text: 'GPT-2’s way to say where a token stands: a second vector per place, added to the token’s.' },
  RoPE: { text: 'Turns queries and keys by an angle that grows with the position, so that what matters is how far apart two tokens are.' },
  quantised: { text: 'Stored with fewer bits per number: whole numbers and one scale per small group. Smaller and faster, a little less exact.' },
  'KV cache': { kind: 'made', text: 'Keys and values of the tokens so far, kept so that they are not computed again. It grows with every token.' },
  'bits per byte': { text: 'How many bits the model needs per byte of text it has not seen. 8 is knowing nothing; lower is better.' },
  loss: { text: 'How surprised the model was by the real next token, on average. Training makes it smaller.' },
  gradient: { text: 'For every parameter, which way and how strongly a small step would change the loss.' },
  checkpoint: { kind: 'learned', text: 'The parameters as they were at one step of training.' },
  ablation: { text: 'Taking a part away and reading again: what changes is what the part was needed for.' },
  'logit lens': { text: 'Asks the last question too early: what would the model say if it stopped after this block?' }
} as const satisfies Record<string, Entry>;

export type Word = keyof typeof words;

export const glossary: Readonly<Record<Word, Entry>> = words;
