const METHODS = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;

let written: string[] = [];

/** From here on what code writes to the console is collected: the product has a logger, and noise hides failures. */
export function watchConsole(): void {
  for (const method of METHODS) {
    console[method] = (...values: unknown[]) => {
      written.push(`console.${method}: ${values.map(String).join(' ')}`);
    };
  }
}

/** Throws when anything was written since the last call. */
export function refuseConsole(): void {
  const lines = written;
  written = [];
  if (lines.length > 0)
    throw new Error(`nothing may write to the console, but this was written:\n${lines.join('\n')}`);
}
