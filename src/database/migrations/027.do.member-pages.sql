-- Pages of a segment's members, those who entered last first.
CREATE INDEX segment_members_by_entry ON segment_members (workspace_id, segment_key, entered_at DESC, end_user_id);
