import { ask } from './postgres.js';
import { restStep } from './subject/series.js';

/**
 * Triggers in the rig's own database that write down what happens to each work row and delivery, in the transaction in
 * which it happens. The runtime does not know of them, and what it rolled back they do not tell. Besides, triggers that
 * let a wait of a minute end sooner, as no shorter one can be written.
 */
export interface Move {
  /** Grows along the moves of one row. */
  readonly n: number;
  readonly work: string;
  readonly delivery: string;
  /** These three are null for a chunk of a broadcast. */
  readonly enrollment: string | null;
  readonly series: string | null;
  readonly step: string | null;
  readonly was: string;
  readonly now: string;
  readonly epoch: number;
  /** Milliseconds since 1970: when the statement began, when the row was due, how long its claim held before. */
  readonly at: number;
  readonly due: number;
  readonly lease: number | null;
  /** Name of the process that did it. */
  readonly by: string;
}

/** A delivery written down as being sent, before its channel is called. */
export interface Begin {
  readonly n: number;
  readonly delivery: string;
  /** Null for the recipient of a broadcast. */
  readonly work: string | null;
  readonly at: number;
  readonly by: string;
}

/** What is taken off the minute of the step that rests. */
const shortened = '59200 milliseconds';

const install = `
  CREATE SEQUENCE chaos_n;
  CREATE TABLE chaos_moves (
    n bigint NOT NULL, work text, delivery text, enrollment text, series text, step text, was text, now text,
    epoch integer, at double precision, due double precision, lease double precision, by text
  );
  CREATE TABLE chaos_begins (n bigint NOT NULL, delivery text, work text, at double precision, by text);
  CREATE FUNCTION chaos_ms(t timestamptz) RETURNS double precision LANGUAGE sql IMMUTABLE
    RETURN extract(epoch FROM t) * 1000;
  CREATE FUNCTION chaos_note_move() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    INSERT INTO chaos_moves VALUES (
      nextval('chaos_n'), NEW.id, NEW.delivery_id, NEW.enrollment_id, NEW.series_key, NEW.step, OLD.state, NEW.state,
      NEW.epoch, chaos_ms(statement_timestamp()), chaos_ms(NEW.due_at), chaos_ms(OLD.lease_until),
      current_setting('application_name'));
    RETURN NULL;
  END $$;
  CREATE FUNCTION chaos_note_begin() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    INSERT INTO chaos_begins VALUES (
      nextval('chaos_n'), NEW.id, NEW.work_id, chaos_ms(statement_timestamp()), current_setting('application_name'));
    RETURN NULL;
  END $$;
  CREATE FUNCTION chaos_note_sending() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    INSERT INTO chaos_begins
    SELECT nextval('chaos_n'), muster_delivery_id(run.delivery_base, later.number), NULL, chaos_ms(statement_timestamp()),
      current_setting('application_name')
    FROM later JOIN earlier USING (workspace_id, run_id, number)
    JOIN broadcast_runs run ON run.workspace_id = later.workspace_id AND run.id = later.run_id
    WHERE later.state = 'sending' AND earlier.state <> 'sending';
    RETURN NULL;
  END $$;
  CREATE FUNCTION chaos_shorten_since() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.since := NEW.since - interval '${shortened}';
    RETURN NEW;
  END $$;
  CREATE FUNCTION chaos_shorten_due() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.due_at := NEW.due_at - interval '${shortened}';
    RETURN NEW;
  END $$;
  CREATE TRIGGER chaos_since BEFORE UPDATE OF step ON enrollments FOR EACH ROW
    WHEN (NEW.step = '${restStep}' AND OLD.step IS DISTINCT FROM NEW.step) EXECUTE FUNCTION chaos_shorten_since();
  CREATE TRIGGER chaos_due BEFORE INSERT ON work FOR EACH ROW
    WHEN (NEW.step = '${restStep}') EXECUTE FUNCTION chaos_shorten_due();
  CREATE TRIGGER chaos_moves AFTER UPDATE ON work FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.token IS DISTINCT FROM NEW.token)
    EXECUTE FUNCTION chaos_note_move();
  CREATE TRIGGER chaos_begins AFTER INSERT OR UPDATE ON deliveries FOR EACH ROW
    WHEN (NEW.state = 'sending')
    EXECUTE FUNCTION chaos_note_begin();
  CREATE TRIGGER chaos_sending AFTER UPDATE ON broadcast_recipients
    REFERENCING OLD TABLE AS earlier NEW TABLE AS later FOR EACH STATEMENT EXECUTE FUNCTION chaos_note_sending();`;

export async function installWitness(databaseUrl: string): Promise<void> {
  await ask(databaseUrl, install);
}

export async function readMoves(databaseUrl: string): Promise<Move[]> {
  return ask<Move>(
    databaseUrl,
    `SELECT n::integer, work, delivery, enrollment, series, step, was, now, epoch, at, due, lease, by
     FROM chaos_moves ORDER BY n`,
  );
}

export async function readBegins(databaseUrl: string): Promise<Begin[]> {
  return ask<Begin>(databaseUrl, `SELECT n::integer, delivery, work, at, by FROM chaos_begins ORDER BY n`);
}
