import type { HeadCard } from '../../lib/api/types';

/** Cards measured so far, by the hash of the model: they say the same every time. */
export const cards = new Map<string, HeadCard>();
