import { knownTraitNames } from '../known-traits.js';

/**
 * The staging table of one import: of this connection only, emptied by every commit. Times stay text until the merge,
 * where the column's own domain checks them. The connection's user owns it, and the role of a workspace may use it: COPY
 * refuses a table under row-level security, and this one is under none. Custom traits are not compressed, so that their
 * size is seen where bounds are held. `emptied` and `removed` are JSON lists of names, null when there are none.
 *
 * Beside it stands who was in the file, so that people are counted and not rows, however far apart their rows are, and
 * memory does not grow with the file.
 */
export const createStaging = `
CREATE TEMPORARY TABLE muster_staging (
  user_id text COLLATE "C" NOT NULL,
  name text COLLATE "C",
  email text COLLATE "C",
  signed_up_at timestamptz,
  renewal_status text COLLATE "C",
  renewal_date timestamptz,
  contract_term text COLLATE "C",
  payment_terms text COLLATE "C",
  on_contract boolean,
  custom jsonb NOT NULL,
  emptied jsonb,
  removed jsonb,
  company_id text COLLATE "C"
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE muster_counted (
  user_id text COLLATE "C" NOT NULL,
  created boolean,
  list text
) ON COMMIT PRESERVE ROWS;
ALTER TABLE pg_temp.muster_staging ALTER COLUMN custom SET STORAGE EXTERNAL;
GRANT SELECT, INSERT ON pg_temp.muster_staging, pg_temp.muster_counted TO muster_app`;

export const dropStaging = 'DROP TABLE IF EXISTS pg_temp.muster_staging, pg_temp.muster_counted';

/** In the order that a batch writes its lines in. */
export const copyStaging =
  `COPY pg_temp.muster_staging (user_id, ${knownTraitNames.join(', ')}, custom, emptied, removed, company_id) ` +
  `FROM STDIN WITH (FORMAT text, ENCODING 'UTF8')`;
