-- People, companies and the workspaces that own them. Every table and key leads with workspace_id, so that the schema
-- can be distributed by it. Text is COLLATE "C": the language orders text by code point, and so do the indexes.

CREATE EXTENSION IF NOT EXISTS btree_gin;

-- Years 0001 to 9999 and never infinite: what the language's times can be, so that no stored time can break a filter.
CREATE DOMAIN instant AS timestamptz
  CHECK (VALUE >= '0001-01-01 00:00:00+00' AND VALUE < '10000-01-01 00:00:00+00');

CREATE TABLE workspaces (
  workspace_id text COLLATE "C" PRIMARY KEY CHECK (workspace_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text NOT NULL,
  zone text NOT NULL DEFAULT 'UTC',
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now())
);

CREATE TABLE api_keys (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  -- SHA-256 of the key; the key itself is shown once and never stored.
  key_hash bytea NOT NULL,
  kind text NOT NULL CHECK (kind IN ('write', 'secret')),
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, key_hash)
);

CREATE TABLE companies (
  workspace_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  company_id text COLLATE "C" NOT NULL,
  name text COLLATE "C",
  signed_up_at instant,
  renewal_status text COLLATE "C",
  renewal_date instant,
  contract_term text COLLATE "C",
  payment_terms text COLLATE "C",
  on_contract boolean,
  custom_fields jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(custom_fields) = 'object'),
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  first_seen instant,
  last_seen instant,
  last_contacted_at instant,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, company_id)
);

CREATE TABLE end_users (
  workspace_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id text COLLATE "C",
  anonymous_id text COLLATE "C",
  company_id text COLLATE "C",
  name text COLLATE "C",
  email text COLLATE "C",
  signed_up_at instant,
  renewal_status text COLLATE "C",
  renewal_date instant,
  contract_term text COLLATE "C",
  payment_terms text COLLATE "C",
  on_contract boolean,
  custom_fields jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(custom_fields) = 'object'),
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  first_seen instant,
  last_seen instant,
  last_contacted_at instant,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, user_id),
  UNIQUE (workspace_id, anonymous_id),
  CHECK (user_id IS NOT NULL OR anonymous_id IS NOT NULL)
);

CREATE FUNCTION keep_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := date_trunc('milliseconds', now());
  RETURN NEW;
END $$;

CREATE TRIGGER companies_updated_at BEFORE UPDATE ON companies FOR EACH ROW EXECUTE FUNCTION keep_updated_at();
CREATE TRIGGER end_users_updated_at BEFORE UPDATE ON end_users FOR EACH ROW EXECUTE FUNCTION keep_updated_at();
