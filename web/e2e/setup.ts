import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';

const root = resolve(import.meta.dirname, '../..');

declare module 'vitest' {
  interface ProvidedContext {
    /** The command, built from this tree. */
    weft: string;
    /** testdata/points.go, built. */
    points: string;
    /** A real model; "" where there is none. */
    smol: string;
    chromium: string;
  }
}

/** Builds what the tests drive, into a folder that goes when they end. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'weft-e2e-'));
  const weft = join(folder, 'weft'), points = join(folder, 'points');
  const go = (...args: string[]) => execFileSync('go', args, { cwd: root, stdio: 'inherit' });
  go('build', '-o', weft, './cmd/weft');
  go('build', '-o', points, './web/e2e/testdata/points.go');
  project.provide('weft', weft);
  project.provide('points', points);
  project.provide('smol', realModel());
  project.provide('chromium', browser());
  return () => rmSync(folder, { recursive: true, force: true });
}

function browser(): string {
  const path = process.env.CHROMIUM || '/usr/bin/chromium';
  if (!existsSync(path)) throw new Error(`there is no browser at ${path}: install chromium, or say where it is with CHROMIUM=PATH`);
  return path;
}

/** SmolLM2-135M, which .ci/run fetches. Who runs the tests by hand may do without. */
function realModel(): string {
  const folder = process.env.WEFT_TEST_MODELS ?? '';
  const file = folder && existsSync(folder) ? readdirSync(folder).find((name) => /^SmolLM2-135M.*\.gguf$/.test(name)) : undefined;
  if (file) return join(folder, file);
  if (process.env.CI || process.env.WEFT_TEST_MODELS) throw new Error(`there is no SmolLM2-135M*.gguf in WEFT_TEST_MODELS=${folder}`);
  console.warn('\n*** SKIPPED: the tests with a real model. Set WEFT_TEST_MODELS to a folder that has SmolLM2-135M*.gguf. ***\n');
  return '';
}
