-- A person's story, the caps that hold for them, and their erasure find their rows by equality alone. Half of what it cost to write a
-- recipient down was the way through a tree of random ids; a hash of the id, which is the same in no two workspaces, takes half of that.
DROP INDEX broadcast_recipients_by_person;
CREATE INDEX broadcast_recipients_by_person ON broadcast_recipients USING hash (end_user_id);

-- Recipients of whom nobody knows whether they were reached, and those who were given up, until an operator has decided about them.
-- An index on their state would have to hear of each write while a million are sent to; so would no table, but for a trigger that
-- fires for these few.
CREATE TABLE broadcast_parked (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  delivery_id uuid NOT NULL,
  run_id bigint NOT NULL,
  number integer NOT NULL,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, delivery_id)
);

CREATE FUNCTION keep_parked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state IN ('unknown', 'failed') THEN
    INSERT INTO broadcast_parked (workspace_id, delivery_id, run_id, number)
    SELECT run.workspace_id, muster_delivery_id(run.delivery_base, NEW.number), run.id, NEW.number
    FROM broadcast_runs run WHERE run.workspace_id = NEW.workspace_id AND run.id = NEW.run_id
    ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM broadcast_parked parked USING broadcast_runs run
    WHERE run.workspace_id = NEW.workspace_id AND run.id = NEW.run_id AND parked.workspace_id = run.workspace_id
      AND parked.delivery_id = muster_delivery_id(run.delivery_base, NEW.number);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER broadcast_recipients_park AFTER UPDATE ON broadcast_recipients FOR EACH ROW
  WHEN ((OLD.state IN ('unknown', 'failed')) <> (NEW.state IN ('unknown', 'failed')))
  EXECUTE FUNCTION keep_parked();

INSERT INTO broadcast_parked (workspace_id, delivery_id, run_id, number)
SELECT run.workspace_id, muster_delivery_id(run.delivery_base, r.number), run.id, r.number
FROM broadcast_runs run
JOIN broadcast_recipients r ON r.workspace_id = run.workspace_id AND r.run_id = run.id
WHERE r.state IN ('unknown', 'failed')
ORDER BY run.id, r.number;

SELECT muster_guard('broadcast_parked');

-- Whose delivery an id names: that of a run and, in its last eight digits, of a recipient.
CREATE INDEX broadcast_runs_by_delivery ON broadcast_runs (workspace_id, left(delivery_base::text, 28));
