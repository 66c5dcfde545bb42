import { readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from '../../src/database/pool.js';
import { afterFile } from '../support/cleanup.js';
import { emptyDatabase, testDatabase } from '../support/database.js';
import { muster, ownFolder } from './muster.js';
import type { Ran, Variables } from './muster.js';

let pool: Pool;
let database: Variables;
const folder = ownFolder();

beforeAll(async () => {
  const made = await testDatabase();
  pool = made.pool;
  database = { DATABASE_URL: made.url, MUSTER_DATA: folder };
});

/** The exit code, and the codes on stderr; nothing may be on stdout. */
function refusal({ code, out, err }: Ran): { exit: number | null; codes: string[]; out: string } {
  return {
    exit: code,
    codes: [...err.matchAll(/^error .*\[(\w+)\]$/gm)].map((match) => match[1] ?? ''),
    out,
  };
}

const refused = (exit: number, ...codes: string[]) => ({ exit, codes, out: '' });

describe('a filter that cannot be read', () => {
  it('an unknown preset is refused with the one that was probably meant', async () => {
    const ran = await muster(['compile', 'admin']);
    expect(refusal(ran)).toEqual(refused(2, 'unknown_preset'));
    expect(ran.err).toMatch(
      /^error there is no preset `admin` \[unknown_preset\]\n {2}hint did you mean `admins`\?/,
    );
  });

  it('a file that is not there, a folder, and a file that is not text are each refused with the reason', async () => {
    const binary = join(folder, 'binary.json');
    writeFileSync(binary, Buffer.from([0x22, 0xff, 0x22]));
    for (const [file, reason] of [
      ['./nothing.json', 'there is no such file'],
      [`${folder}/`, 'it is a folder'],
      [binary, 'it is not UTF-8 text'],
    ] as const) {
      const ran = await muster(['compile', file]);
      expect(refusal(ran)).toEqual(refused(2, 'filter_file_unreadable'));
      expect(ran.err).toContain(reason);
    }
  });

  it('malformed JSON is refused with its line and column', async () => {
    const ran = await muster(['compile', '{"==": [{"var": "name"}, }']);
    expect(refusal(ran)).toEqual(refused(2, 'filter_not_json'));
    expect(ran.err).toContain('line 1, column 26');
  });

  it('true, false and null are JSON, not keys of presets', async () => {
    for (const input of ['false', ' true', 'null']) {
      expect(refusal(await muster(['compile', input]))).toEqual(refused(2, 'filter_not_object'));
    }
  });

  it('five mistakes are five messages, each with its path and a hint', async () => {
    const filter = {
      and: [
        { '==': [{ var: 'roel' }, 'x'] },
        { in: [{ var: 'custom:a' }, []] },
        { '<': [{ var: 'name' }, null] },
        { nope: 1 },
        { '>': [{ var: 'signed_up_at' }, { ago: [30, 'dayz'] }] },
      ],
    };
    const file = join(folder, 'five.json');
    writeFileSync(file, JSON.stringify(filter));
    const ran = await muster(['compile', file]);
    expect(ran.err.split('\n')[0]).toBe('error 5 problems');
    expect(refusal(ran)).toEqual(
      refused(2, 'unknown_field', 'empty_list', 'null_literal', 'unknown_operator', 'bad_relative_time'),
    );
    expect(ran.err.match(/^ {2}at {3}\/and\/\d/gm)).toHaveLength(5);
    expect(ran.err.match(/^ {2}hint \S/gm)).toHaveLength(5);
  });

  it('with --json the refusal is the body that the API answers with, on one line of stderr', async () => {
    const { code, out, err } = await muster(['compile', '{"nope": 1}', '--json']);
    expect([code, out]).toEqual([2, '']);
    expect(JSON.parse(err)).toMatchObject({
      error: {
        code: 'unknown_operator',
        path: '/nope',
        details: { problems: [{ code: 'unknown_operator' }] },
      },
    });
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  it('a wrong instant or zone is refused before any server is started', async () => {
    expect(refusal(await muster(['preview', 'admins', '--now', 'soon']))).toEqual(refused(2, 'bad_now'));
    expect(refusal(await muster(['compile', 'admins', '--zone', 'Mars/X']))).toEqual(refused(2, 'bad_zone'));
  });
});

describe('a command line that is not understood', () => {
  it('unknown commands and options, missing words and wrong values are bad input', async () => {
    for (const [args, text] of [
      [['previw', 'admins'], 'did you mean `preview`?'],
      [['preview'], "missing required argument 'filter'"],
      [['preview', 'admins', '--smaple', '3'], '--sample'],
      [['preview', 'admins', '--sample', '1001'], 'from 0 to 1000'],
      [['explain', 'admins'], "required option '--user <who>'"],
      [['start', '--port', '70000'], 'from 0 to 65535'],
      [['preview', 'admins', '--workspace', 'No!'], 'workspace id'],
      [[], 'a command is missing'],
    ] as const) {
      const ran = await muster([...args]);
      expect(refusal(ran)).toEqual(refused(2, 'bad_usage'));
      expect(ran.err).toContain(text);
    }
  });
});

describe('people and workspaces that are not there', () => {
  it('an unknown workspace or user is named', async () => {
    expect(refusal(await muster(['preview', 'admins', '--workspace', 'nowhere'], database))).toEqual(
      refused(2, 'unknown_workspace'),
    );
    await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('sample', 'Sample')`);
    expect(refusal(await muster(['explain', 'admins', '--user', 'nobody'], database))).toEqual(
      refused(2, 'no_such_user'),
    );
  });
});

describe('an import file that cannot be read', () => {
  it('a missing file, a wrong header and a workbook are refused, and no workspace or file is made', async () => {
    const header = join(folder, 'header.csv');
    writeFileSync(header, 'uid,name\n1,Ada\n');
    const unknown = join(folder, 'people.xlsx');
    writeFileSync(unknown, Buffer.from('504b030414', 'hex'));
    const reserved = join(folder, 'reserved.csv');
    writeFileSync(reserved, 'user_id,created_at\n1,2026-01-01\n');
    for (const [file, wanted, ...options] of [
      ['nothing.csv', 'import_unreadable'],
      [header, 'import_no_user_id'],
      [unknown, 'import_not_text'],
      [reserved, 'reserved_trait', '--strict'],
    ] as const) {
      expect(refusal(await muster(['import', file, '--workspace', 'fresh', ...options], database))).toEqual(
        refused(2, wanted),
      );
    }
    const left = await pool.query(
      `SELECT 1 FROM workspaces WHERE workspace_id = 'fresh' UNION ALL SELECT 1 FROM end_users WHERE workspace_id = 'fresh'`,
    );
    expect(left.rowCount).toBe(0);
    expect(readdirSync(folder).filter((name) => name.includes('rejects'))).toEqual([]);
  });
});

describe('servers', () => {
  it('a database or Redis out of reach is exit code 3, and the password is not shown', async () => {
    const away = await muster(['preview', 'admins'], {
      DATABASE_URL: 'postgres://me:hidden@127.0.0.1:1/none',
    });
    expect(refusal(away)).toEqual(refused(3, 'database_unreachable'));
    expect(away.err).not.toContain('hidden');
    const start = await muster(['start', '--port', '0', '--json'], {
      ...database,
      REDIS_URL: 'redis://127.0.0.1:1',
    });
    expect([start.code, start.out]).toEqual([3, '']);
    expect(JSON.parse(start.err)).toMatchObject({ error: { code: 'redis_unreachable' } });
  });

  it('an address that is none is bad input', async () => {
    expect(refusal(await muster(['migrate'], { DATABASE_URL: 'nonsense' }))).toEqual(
      refused(2, 'database_url_invalid'),
    );
  });

  it('a port in use is refused before anything is started, with another port in the hint', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    afterFile(async () => void other.close());
    const address = other.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const data = join(folder, 'unused');
    const ran = await muster(['start', '--port', String(port)], { MUSTER_DATA: data });
    expect(refusal(ran)).toEqual(refused(2, 'port_in_use'));
    expect(ran.err).toContain(`port ${port} on 127.0.0.1 is in use`);
    expect(ran.err).toContain('`--port ');
    expect(readdirSync(folder)).not.toContain('unused');
  });

  it('a database without a schema is not changed by a look at it; migrate is named', async () => {
    const { url, pool: empty } = await emptyDatabase();
    const ran = await muster(['preview', 'admins'], { DATABASE_URL: url });
    expect(refusal(ran)).toEqual(refused(2, 'database_not_migrated'));
    expect(ran.err).toContain('muster migrate');
    const { rows } = await empty.query(`SELECT 1 FROM pg_tables WHERE schemaname = 'public'`);
    expect(rows).toEqual([]);
  });

  it('a database of a newer version is refused by every command that uses it, and nothing in it is changed', async () => {
    const { url, pool: newer } = await testDatabase();
    await newer.query(
      `INSERT INTO muster_schema (version, name, md5, run_at) VALUES (999, 'later', 'x', now())`,
    );
    const users = join(folder, 'users.csv');
    writeFileSync(users, 'user_id\n1\n');
    for (const args of [
      ['migrate'],
      ['preview', 'admins'],
      ['explain', 'admins', '--user', '1'],
      ['import', users],
      ['start', '--port', '0'],
    ]) {
      const ran = await muster(args, {
        DATABASE_URL: url,
        MUSTER_DATA: folder,
        REDIS_URL: 'redis://127.0.0.1:1',
      });
      expect(refusal(ran)).toEqual(refused(2, 'database_newer'));
    }
    const { rows } = await newer.query('SELECT 1 FROM end_users UNION ALL SELECT 1 FROM workspaces');
    expect(rows).toEqual([]);
  });
});
