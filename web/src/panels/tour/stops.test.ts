import { describe, expect, it } from 'vitest';
import { formatHash, parseHash } from '../../lib/hash';
import { panels } from '../../lib/panels';
import { stops } from './stops';

describe('the tour', () => {
  it('has something to do at every stop, in a panel that there is', () => {
    for (const stop of stops) {
      expect(stop.text.length).toBeGreaterThan(0);
      expect(stop.deeds.length).toBeGreaterThan(0);
      for (const deed of stop.deeds) expect(panels.map((panel) => panel.id)).toContain(deed.panel);
    }
    expect(new Set(stops.map((stop) => stop.id)).size).toBe(stops.length);
  });

  it('leads to views that an address can say', () => {
    for (const deed of stops.flatMap((stop) => stop.deeds)) {
      const params = Object.fromEntries(Object.entries(deed.state).map(([key, value]) => [key, value === true ? '1' : String(value)]));
      expect(parseHash(formatHash({ panel: deed.panel, params }))).toEqual({ panel: deed.panel, params });
    }
  });

  it('explains what the panels point to', () => {
    for (const panel of panels) if (panel.topic.stop) expect(stops.map((stop) => stop.id)).toContain(panel.topic.stop);
  });
});
