-- How a workspace sends e-mail and posts to Slack, what its mail came back with, what a series is about, and how many
-- messages one person may get.

-- What is null is the installation's.
CREATE TABLE email_settings (
  workspace_id text COLLATE "C" PRIMARY KEY REFERENCES workspaces ON DELETE CASCADE,
  -- As it is, password included, because signing in takes the password itself.
  smtp_url text COLLATE "C",
  sender text,
  reply_to text,
  -- The postal address and whatever else stands beneath every message.
  footer text,
  -- Where people reach this Muster, for the links in messages.
  public_url text COLLATE "C",
  on_lost_confirmation text CHECK (on_lost_confirmation IN ('retry_same_key', 'park')),
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now())
);

CREATE TABLE slack_webhooks (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  key text COLLATE "C" NOT NULL,
  -- A secret: whoever has it can post.
  url text COLLATE "C" NOT NULL,
  description text,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, key)
);

-- Bounces and complaints that a provider told of, each once. Whoever it concerns is known by the delivery; what nobody's
-- delivery is named by suppresses an address and keeps no text.
CREATE TABLE email_feedback (
  workspace_id text COLLATE "C" NOT NULL,
  -- The provider's own id, or a hash of what it said.
  feedback_id text COLLATE "C" NOT NULL,
  kind text NOT NULL CHECK (kind IN ('hard_bounce', 'soft_bounce', 'complaint')),
  delivery_id uuid,
  end_user_id uuid,
  reason text,
  at instant NOT NULL,
  received_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, feedback_id),
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE,
  CHECK (end_user_id IS NOT NULL OR reason IS NULL)
);

CREATE INDEX email_feedback_by_delivery ON email_feedback (workspace_id, delivery_id);
-- The cascade, and a visitor who turns out to be somebody.
CREATE INDEX email_feedback_by_person ON email_feedback (workspace_id, end_user_id);

-- What its messages are about, for people who want to hear of some things and not of others. It is the series', not a
-- version's: a change holds for everybody inside.
ALTER TABLE series ADD COLUMN topic text COLLATE "C";

-- [{"messages": 3, "days": 7}]: messages of everything together, counted in the person's calendar days.
ALTER TABLE workspaces ADD COLUMN frequency_caps jsonb NOT NULL DEFAULT '[]';

-- Whether it waits for an operator when its confirmation is lost, as it was decided when it began.
ALTER TABLE deliveries ADD COLUMN parks boolean NOT NULL DEFAULT false;

SELECT muster_guard('email_settings');
SELECT muster_guard('slack_webhooks');
SELECT muster_guard('email_feedback');
