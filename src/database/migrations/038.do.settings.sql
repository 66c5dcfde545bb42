-- Another zone of the workspace moves people who wait in series. The internal id up to which they were looked at again; NULL
-- when nobody is left to look at. In the transaction that changes the zone, so that a process that dies forgets nobody.
ALTER TABLE workspaces ADD COLUMN zone_followed_to uuid;

CREATE INDEX workspaces_zone_followed ON workspaces (workspace_id) WHERE zone_followed_to IS NOT NULL;
