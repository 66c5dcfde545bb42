-- Outgoing webhooks: where a workspace wants its calls, and what they are signed with.

CREATE TABLE webhook_endpoints (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  key text COLLATE "C" NOT NULL,
  url text COLLATE "C" NOT NULL,
  description text,
  enabled boolean NOT NULL DEFAULT true,
  -- by_hand; gone: it answered 410; failing: nothing but failures for days.
  disabled_reason text CHECK (disabled_reason IN ('by_hand', 'gone', 'failing')),
  disabled_at instant,
  -- Since the last success. Nothing is written for a success after a success.
  failing_since instant,
  failures integer NOT NULL DEFAULT 0,
  last_error text,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, key),
  CHECK (enabled = (disabled_reason IS NULL)),
  CHECK ((disabled_reason IS NULL) = (disabled_at IS NULL)),
  CHECK ((failures = 0) = (failing_since IS NULL))
);

CREATE TABLE webhook_secrets (
  workspace_id text COLLATE "C" NOT NULL,
  endpoint_key text COLLATE "C" NOT NULL,
  secret_id uuid NOT NULL DEFAULT gen_random_uuid(),
  -- As it is, because signing takes the secret itself and not a hash of it.
  secret text COLLATE "C" NOT NULL,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- The end of an overlap; null for the current one.
  valid_until instant,
  PRIMARY KEY (workspace_id, secret_id),
  FOREIGN KEY (workspace_id, endpoint_key) REFERENCES webhook_endpoints ON DELETE CASCADE
);

CREATE UNIQUE INDEX webhook_secrets_current ON webhook_secrets (workspace_id, endpoint_key) WHERE valid_until IS NULL;
-- Signing, and the cascade.
CREATE INDEX webhook_secrets_by_endpoint ON webhook_secrets (workspace_id, endpoint_key);

SELECT muster_guard('webhook_endpoints');
SELECT muster_guard('webhook_secrets');
