-- What was seen when somebody was turned away: which clauses failed, for which reason, and the value that they failed on.
-- It is of the person, so it goes with them; like the decision it is kept for 30 days.
ALTER TABLE series_decisions
  ADD COLUMN happening_name text COLLATE "C",
  -- When it happened, which is before anybody looked. Null in rows of before.
  ADD COLUMN happened_at instant,
  ADD COLUMN seen jsonb NOT NULL DEFAULT '[]';
