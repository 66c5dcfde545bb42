-- A person's story, the caps that hold for them, and their erasure find their rows by equality alone. Half of what it cost to write a
-- recipient down was the way through a tree of random ids; a hash of the id, which is the same in no two workspaces, takes half of that.
DROP INDEX broadcast_recipients_by_person;
CREATE INDEX broadcast_recipients_by_person ON broadcast_recipients USING hash (end_user_id);
