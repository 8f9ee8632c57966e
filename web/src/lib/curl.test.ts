import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { curl } from './curl';

it('writes a command that a shell reads as meant', () => {
  const base = 'http://127.0.0.1:8080/';
  expect(curl('words/near', { plus: ' dog', n: 3, minus: undefined }, undefined, base)).toBe("curl -s 'http://127.0.0.1:8080/api/words/near?plus=+dog&n=3'");
  const command = curl('chat', {}, { prompt: `it's $HOME \`x\` "y"\n` }, base).replace('curl', 'printf "%s\\n"');
  const lines = execFileSync('sh', ['-c', command], { encoding: 'utf8' });
  expect(lines).toContain(JSON.stringify({ prompt: `it's $HOME \`x\` "y"\n` }));
});
