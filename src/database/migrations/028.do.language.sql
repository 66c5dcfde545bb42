-- The trait that holds a person's language, beside the one that holds their zone (009): a key of custom_fields.
ALTER TABLE workspaces ADD COLUMN person_language_field text COLLATE "C" NOT NULL DEFAULT 'locale';
