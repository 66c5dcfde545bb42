-- Events: what people did. Partitioned by month of occurred_at (UTC), so that a window reads few partitions and old months
-- can be dropped whole.
--
-- There is no default partition, on purpose: rows in it would have to be scanned and moved, under a lock that stops every
-- reader, before the month they belong to could be made. A month is made before its first event instead, by
-- make_event_partition; an event outside of every month is an error that nobody can overlook.

CREATE TABLE events (
  workspace_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  -- The person's row. No foreign key: attaching a month would have to lock all people against writes. Whoever writes an
  -- event holds the person's row locked, and whoever deletes a person deletes the events with the row.
  end_user_id uuid NOT NULL,
  event text COLLATE "C" NOT NULL CHECK (event <> ''),
  properties jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(properties) = 'object'),
  -- Not the domain `instant`: the key of a partition is a plain type. The months bound it, and none is infinite.
  occurred_at timestamptz NOT NULL,
  received_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  message_id text COLLATE "C",
  PRIMARY KEY (workspace_id, id, occurred_at)
) PARTITION BY RANGE (occurred_at);

-- What one person did, by name and time.
CREATE INDEX events_by_person ON events (workspace_id, end_user_id, event, occurred_at);
-- Who did something in a window, without a look at the rows.
CREATE INDEX events_by_name ON events (workspace_id, event, occurred_at, end_user_id);

-- A message id is taken once in a workspace, whatever month its event lies in; a partitioned table cannot say that itself.
CREATE TABLE event_messages (
  workspace_id text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  received_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, message_id)
);

-- Makes the month (UTC) that an instant lies in, if it is not there. ATTACH, beside CREATE ... PARTITION OF, lets readers and
-- writers of all other months go on. It runs with the rights of the owner, so that the role that writes events need
-- not own them.
CREATE FUNCTION make_event_partition(at timestamptz) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
  SET search_path FROM CURRENT SET TimeZone = 'UTC' AS $$
DECLARE
  first date := date_trunc('month', at)::date;
  name text := 'events_' || to_char(first, 'YYYY_MM');
BEGIN
  IF at < '0001-01-01' OR at >= '10000-01-01' THEN
    RAISE 'no month is made for %', at USING ERRCODE = 'datetime_field_overflow';
  END IF;
  IF to_regclass(name) IS NOT NULL THEN
    RETURN name;
  END IF;
  -- The lock that ATTACH takes, which only others who make a month wait for. An advisory lock would not do: behind it the
  -- session may still believe that the month is missing, because only a lock on a table brings its catalogue up to date.
  LOCK TABLE ONLY events IN SHARE UPDATE EXCLUSIVE MODE;
  IF to_regclass(name) IS NULL THEN
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
      name, first::timestamptz, (first + interval '1 month')::timestamptz);
  END IF;
  RETURN name;
END $$;

-- Ahead of the first events: the last month, this one and the next two. Every other month is made when it is needed.
SELECT make_event_partition(now() + step * interval '1 month') FROM generate_series(-1, 2) AS step;
