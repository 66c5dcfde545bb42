import { Command } from 'commander';
import { foldTraits } from '../../traits/catalogue/fold.js';
import { loadTraitCatalogue } from '../../traits/catalogue/load.js';
import { rebuildTraits } from '../../traits/catalogue/rebuild.js';
import { withExamples, withJson, withWorkspace } from '../options.js';
import type { JsonOptions, WorkspaceOptions } from '../options.js';
import { withServers } from '../servers.js';
import { number, out } from '../terminal.js';
import { traitLines } from '../views/traits.js';

/** `muster traits`: which traits arrived, of which types, who has them, and their common values. */
export function traitsCommand(): Command {
  const command = new Command('traits')
    .description(
      'Lists every trait that was ever sent: how many people have it, the types of its values, its common values, and ' +
        'when one last arrived.',
    )
    .option('--prefix <text>', 'only traits whose names begin with it')
    .option('--rebuild', 'first count everything anew from the people and companies')
    .action(run);
  return withExamples(withJson(withWorkspace(command)), [
    ['muster traits', 'of the workspace sample'],
    ['muster traits --prefix utm_', 'of those that begin alike'],
    ['muster traits --workspace acme --json', 'for a program'],
  ]);
}

type Options = WorkspaceOptions & JsonOptions & { rebuild?: true; prefix?: string };

async function run({ workspace, json, rebuild, prefix }: Options): Promise<void> {
  await withServers({ redis: false, schema: 'check' }, async ({ pool }) => {
    const corrected = rebuild ? await rebuildTraits(pool, workspace) : null;
    await foldTraits(pool, workspace);
    const traits = await loadTraitCatalogue(pool, workspace, { prefix });
    if (json) {
      out.line(JSON.stringify(corrected === null ? { traits } : { traits, corrected }));
      return;
    }
    if (corrected !== null) out.line(`counted anew; ${number(corrected)} counts were wrong\n`);
    for (const line of traitLines(out, traits)) out.line(line);
  });
}
