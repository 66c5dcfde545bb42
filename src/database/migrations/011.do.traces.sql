-- Where a trace goes on: the W3C traceparent of the span that caused a row. NULL, and so without a byte, unless somebody
-- traces. The outbox takes it from the transaction, so that no statement which writes there needs to know.

ALTER TABLE outbox
  ADD COLUMN traceparent text COLLATE "C" DEFAULT nullif(current_setting('muster.traceparent', true), '');
ALTER TABLE work ADD COLUMN traceparent text COLLATE "C";
