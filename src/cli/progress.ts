import { Presets, SingleBar } from 'cli-progress';
import { err } from './terminal.js';

export interface Progress {
  readonly update: (phase: string, done: number, total: number) => void;
  readonly stop: () => void;
}

const silent: Progress = { update: () => undefined, stop: () => undefined };

/** A progress bar on a terminal's stderr; nothing where nobody reads it. */
export function progressBar(): Progress {
  if (!err.interactive) return silent;
  const bar = new SingleBar(
    {
      format: '  {phase} {bar} {percentage}%  {eta_formatted} left',
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      etaBuffer: 50,
    },
    Presets.shades_classic,
  );
  let current = '';
  return {
    update(phase, done, total) {
      if (phase !== current) {
        if (current !== '') bar.stop();
        current = phase;
        bar.start(Math.max(total, 1), 0, { phase: phase.padEnd(7) });
      }
      bar.update(done);
    },
    stop() {
      if (current !== '') bar.stop();
    },
  };
}
