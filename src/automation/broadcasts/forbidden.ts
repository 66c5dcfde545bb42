/**
 * Whether nothing may be sent to a person `u` of an audience, for many of them at once: as `muster_suppressing` says of one. Entries
 * are found by the identifier itself; by its hash only where a workspace has entries of which nothing else is kept, because to hash
 * the identifiers of a million people takes longer than everything else that is asked of them.
 *
 * @param about the topic, or the empty text; both are expressions of the statement around it
 */
export function forbiddenSql(workspace: string, about: string): { join: string; condition: string } {
  const kinds = { user_id: 'u.user_id', email: 'u.email' };
  const joins: string[] = [];
  const found: string[] = [];
  for (const [kind, column] of Object.entries(kinds)) {
    const same = (identifier: string): string => `muster_same_identifier('${kind}', ${identifier})`;
    const entries = (kept: string): string =>
      `FROM muster_forbidding(${workspace}, ${about}) entry WHERE entry.kind = '${kind}' AND ${kept}`;
    const named = entries('entry.identifier IS NOT NULL');
    const hashed = entries('entry.identifier IS NULL');
    const salt = `(SELECT s.salt FROM identifier_salts s WHERE s.workspace_id = ${workspace})`;
    joins.push(
      `LEFT JOIN (SELECT DISTINCT ${same('entry.identifier')} AS identifier ${named}) AS named_${kind}
        ON named_${kind}.identifier = ${same(column)}`,
      `LEFT JOIN (SELECT DISTINCT entry.hash ${hashed}) AS hashed_${kind}
        ON hashed_${kind}.hash = CASE WHEN EXISTS (SELECT ${hashed}) THEN muster_salted_hash(${salt}, '${kind}', ${column}) END`,
    );
    found.push(`named_${kind}.identifier IS NOT NULL`, `hashed_${kind}.hash IS NOT NULL`);
  }
  return { join: joins.join('\n      '), condition: found.join(' OR ') };
}
