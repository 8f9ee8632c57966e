import { describe, expect, it } from 'vitest';
import type { Point } from '../../lib/api/types';
import { ranked } from './guess';
import { strongest } from './links';
import { span, stageAt, stagesOf, widthOf, within } from './stages';

const point = (name: string, layer: number, shape: number[]): Point => ({ name, kind: 'activation', layer, shape, dims: [], formula: '' });
const shape = {
  points: [
    point('hook_embed', -1, [3, 8]), point('blocks.0.attn.hook_q', 0, [3, 4, 2]), point('blocks.0.attn.hook_k', 0, [3, 2, 2]),
    point('blocks.0.attn.hook_pattern', 0, [4, 3, 3]), point('blocks.0.hook_resid_post', 0, [3, 8]), point('blocks.1.hook_resid_post', 1, [3, 8])
  ],
  layers: 2, heads: 4, kvHeads: 2, tokens: 3, vocab: 50
};

describe('stages', () => {
  it('goes from text to probabilities and leaves out what the model has not', () => {
    const ids = stagesOf(shape, -1, 0).map((stage) => stage.id);
    expect(ids).toEqual(['text', 'bytes', 'token', 'hook_embed', 'blocks.0', 'blocks.0.hook_resid_post', 'blocks.1', 'blocks.1.hook_resid_post', 'logits', 'fan']);
  });
  it('opens one block, with the head that keys share', () => {
    const open = stagesOf(shape, 0, 3);
    expect(open.find((s) => s.id.endsWith('hook_q'))?.head).toBe(3);
    expect(open.find((s) => s.id.endsWith('hook_k'))?.head).toBe(1);
    expect(open.some((s) => s.draws === 'pattern')).toBe(true);
  });
  it('never overlaps, and finds every column by its middle', () => {
    const list = stagesOf(shape, 1, 0);
    list.forEach((stage, i) => {
      expect(stageAt(list, stage.x + stage.width / 2)).toBe(i);
      if (i) expect(stage.x).toBeGreaterThan(list[i - 1]!.x + list[i - 1]!.width);
    });
    expect(within(list, 0, widthOf(list))).toEqual({ first: 0, last: list.length - 1 });
    const third = list[2]!;
    expect(within(list, third.x + 1, third.x + 2)).toEqual({ first: 2, last: 2 });
  });
  it('splits numbers over cells as the server does, with none left out', () => {
    let at = 0;
    for (let j = 0; j < 7; j++) {
      const [from, to] = span(j, 7, 40);
      expect(from).toBe(at);
      at = to;
    }
    expect(at).toBe(40);
  });
});

describe('links', () => {
  it('keeps the strongest of each row and not the look at oneself', () => {
    const data = [1, 0, 0, 0.9, 0.1, 0, 0.5, 0.03, 0.47];
    expect(strongest(data, 3, 3, 0)).toEqual([{ from: 0, to: 1, weight: 0.9 }, { from: 0, to: 2, weight: 0.5 }]);
  });
});

describe('guesses', () => {
  it('ranks among all logits', () => {
    const found = ranked([0, Math.log(3), -Infinity], 0);
    expect(found.rank).toBe(2);
    expect(found.p).toBeCloseTo(0.25);
  });
});
