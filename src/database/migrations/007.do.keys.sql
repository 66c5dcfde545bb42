-- What rotating and listing keys needs, and the signatures of browser users.

ALTER TABLE api_keys
  ADD COLUMN key_id uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN name text COLLATE "C",
  -- The key's last four characters, which tell keys apart in a list. They belong to its checksum, not to its secret.
  ADD COLUMN ending text COLLATE "C",
  -- The end of an overlap; null lasts until it is revoked.
  ADD COLUMN valid_until instant,
  -- A revoked key keeps its row, so that it is told from a mistyped one and storing it again does not revive it.
  ADD COLUMN revoked_at instant,
  ADD CONSTRAINT api_keys_id UNIQUE (workspace_id, key_id);

ALTER TABLE workspaces
  ADD COLUMN identity_mode text NOT NULL DEFAULT 'off' CHECK (identity_mode IN ('off', 'report', 'enforce'));

CREATE TABLE identity_secrets (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  secret_id uuid NOT NULL DEFAULT gen_random_uuid(),
  -- As it is, because checking an HMAC takes the secret itself and not a hash of it.
  secret text COLLATE "C" NOT NULL,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- The end of an overlap; null for the current one.
  valid_until instant,
  PRIMARY KEY (workspace_id, secret_id)
);

CREATE TABLE identity_findings (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  -- The code that enforcing refuses with.
  reason text COLLATE "C" NOT NULL,
  count bigint NOT NULL,
  first_seen instant NOT NULL,
  last_seen instant NOT NULL,
  PRIMARY KEY (workspace_id, reason)
);
