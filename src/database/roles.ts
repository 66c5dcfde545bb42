import { escapeIdentifier } from 'pg';
import { refuse } from '../errors/index.js';
import type { Client, Pool } from './pool.js';

/** What `muster_make_roles` raises where the user may not make a role or take it. */
export const rolesRefused = 'MU001';

interface RoleRow {
  readonly name: string;
  /** Who has to be let in: whoever logged in for taking a role, whoever acts for having its rights. */
  readonly login: string;
  readonly version: number;
  readonly inherits: boolean;
  readonly made: boolean;
  /** Passes over row-level security by its attributes. */
  readonly unbound: boolean;
  /** Roles that it is a member of, whose rights it would have besides. */
  readonly above: readonly string[];
  readonly held: boolean;
}

const readRoles = `
  SELECT wanted.name, login.rolname AS login, login.rolinherit AS inherits, server.version,
    role.oid IS NOT NULL AS made,
    coalesce(role.rolsuper OR role.rolbypassrls, false) AS unbound,
    ARRAY(
      SELECT above.rolname::text FROM pg_auth_members AS m JOIN pg_roles AS above ON above.oid = m.roleid
      WHERE m.member = role.oid AND wanted.name <> 'muster_engine' ORDER BY 1
    ) AS above,
    coalesce(pg_has_role(login.oid, role.oid,
      CASE WHEN wanted.name = 'muster_engine' THEN 'USAGE' WHEN server.version >= 160000 THEN 'SET' ELSE 'MEMBER' END
    ), false) AS held
  FROM unnest(ARRAY['muster_app', 'muster_reader', 'muster_engine']) WITH ORDINALITY AS wanted (name, place)
  CROSS JOIN (SELECT current_setting('server_version_num')::integer AS version) AS server
  JOIN pg_roles AS login ON login.rolname = CASE wanted.name WHEN 'muster_engine' THEN current_user ELSE session_user END
  LEFT JOIN pg_roles AS role ON role.rolname = wanted.name
  ORDER BY wanted.place`;

/**
 * Refuses a server whose roles do not carry row-level security, with the statements that put it right. `docs/operations.md`
 * tells what the roles are for.
 *
 * Errors: `database_roles_missing`.
 */
export async function refuseRoles(db: Pool | Client): Promise<void> {
  const { rows } = await db.query<RoleRow>(readRoles);
  const faults = rows.flatMap(faultsOf);
  if (faults.length === 0) return;
  refuse('database_roles_missing', {
    reason: faults.map(({ reason }) => reason).join(', '),
    sql: faults.flatMap(({ sql }) => sql).join(' '),
  });
}

interface Fault {
  readonly reason: string;
  readonly sql: readonly string[];
}

function faultsOf({ name, login, version, inherits, made, unbound, above, held }: RoleRow): Fault[] {
  const user = escapeIdentifier(login);
  const faults: Fault[] = [];
  if (!made)
    faults.push({ reason: `the role ${name} does not exist`, sql: [`CREATE ROLE ${name} NOLOGIN;`] });
  if (unbound) {
    faults.push({
      reason: `the role ${name} passes over row-level security`,
      sql: [`ALTER ROLE ${name} NOSUPERUSER NOBYPASSRLS;`],
    });
  }
  if (above.length > 0) {
    faults.push({
      reason: `the role ${name} has the rights of ${above.join(', ')}`,
      sql: [`REVOKE ${above.map(escapeIdentifier).join(', ')} FROM ${name};`],
    });
  }
  if (!held) {
    const engine = name === 'muster_engine';
    const options = engine ? ' WITH INHERIT TRUE, SET FALSE' : ' WITH INHERIT FALSE, SET TRUE';
    const grant = `GRANT ${name} TO ${user}${version >= 160_000 ? options : ''};`;
    const inherit = engine && version < 160_000 && !inherits ? [`ALTER ROLE ${user} INHERIT;`] : [];
    faults.push({ reason: `${login} may not use ${name}`, sql: [grant, ...inherit] });
  }
  return faults;
}

/**
 * Refuses a database whose tables cannot be kept apart by workspace, as after a restore into another server.
 *
 * Errors: `database_roles_missing`, `database_unguarded`.
 */
export async function checkIsolation(db: Pool | Client): Promise<void> {
  await refuseRoles(db);
  const { rows } = await db.query<{ name: string }>('SELECT name FROM muster_unguarded() ORDER BY name');
  if (rows.length > 0) refuse('database_unguarded', { tables: rows.map(({ name }) => name).join(', ') });
}
