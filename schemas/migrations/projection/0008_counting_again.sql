-- A contact's events are erased a bounded number at a time. Where what is left of a stretch cannot be told by subtracting,
-- its counts of properties wait, marked, until all of the contact's rows are gone. No stretch is marked once the position
-- has passed the erasure. The runner has set search_path to the set's schema; nothing here names it.
ALTER TABLE event_name_stretches ADD COLUMN recount boolean NOT NULL DEFAULT false;
CREATE INDEX event_name_stretches_to_recount ON event_name_stretches (log_partition, workspace_id, stretch) WHERE recount;
