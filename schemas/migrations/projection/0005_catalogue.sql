-- What the catalogue of event names needs: two more settings, how often each name occurred on each day, and the aliases
-- for ingest. The runner has set search_path to the set's schema; nothing here names it.

ALTER TABLE event_name_settings
    ADD COLUMN tone text, -- attention, positive or neutral; NULL: as the name's words say
    ADD COLUMN archived boolean NOT NULL DEFAULT false;

-- Kept apart by log partition, like event_names. The day comes before the name: readers ask for all names of some days,
-- and writers touch the newest days, which stand together.
CREATE TABLE event_name_days (
    log_partition integer NOT NULL,
    workspace_id  bigint NOT NULL,
    day           date NOT NULL, -- of occurred_at, in UTC
    name          text COLLATE "C" NOT NULL,
    count         bigint NOT NULL,
    PRIMARY KEY (log_partition, workspace_id, day, name)
) WITH (fillfactor = 70);

ALTER TABLE event_name_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_name_days FORCE ROW LEVEL SECURITY;
CREATE POLICY write_all ON event_name_days TO contact_events_projector USING (true) WITH CHECK (true);
CREATE POLICY read_own ON event_name_days FOR SELECT TO contact_events_query USING (
    workspace_id = NULLIF(current_setting('contact_events.workspace_id', true), '')::bigint);
GRANT SELECT ON event_name_days TO contact_events_query;
GRANT SELECT, INSERT, UPDATE, DELETE ON event_name_days TO contact_events_projector;

-- Ingest refuses an alias that leads on to another one: it sees the aliases of the workspace that it has declared.
CREATE POLICY read_aliases ON event_name_settings FOR SELECT TO contact_events_ingest USING (
    workspace_id = NULLIF(current_setting('contact_events.workspace_id', true), '')::bigint);
GRANT SELECT (workspace_id, name, alias) ON event_name_settings TO contact_events_ingest;
