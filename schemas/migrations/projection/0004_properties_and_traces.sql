-- What stands in events' properties, name by name; what the trace of one event needs; which fold made this set.
-- The runner has set search_path to the set's schema; nothing here names it.

-- The fold that made this set. Sets made by different folds may differ, sets made by the same may not.
-- Tables that hold something already were made before this was kept: by the first fold.
CREATE TABLE projection_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  integer NOT NULL
);
INSERT INTO projection_version (version) SELECT 1 WHERE EXISTS (SELECT FROM positions);

-- Per name: sizes of the properties' text in UTF-8. NULL where a name was counted by the first fold.
ALTER TABLE event_names ADD COLUMN smallest_bytes integer, ADD COLUMN largest_bytes integer;

-- Which properties the events of a name have, of which types, how often and when: for each stretch of 16,384 offsets of a
-- partition apart. What an erased event contributed can then be counted again from the rows of its stretch alone, and a
-- workspace that puts ids into property names gets at most 100 of them itemised for a name and stretch; `others` counts
-- the rest. One row holds them all, side by side in the arrays: a batch writes each name once, not each property.
CREATE TABLE event_name_stretches (
    log_partition integer NOT NULL,
    workspace_id  bigint NOT NULL,
    name          text COLLATE "C" NOT NULL,
    stretch       bigint NOT NULL, -- log_offset / 16384
    count         bigint NOT NULL, -- of events
    smallest_bytes integer NOT NULL,
    largest_bytes integer NOT NULL,
    others        bigint NOT NULL DEFAULT 0, -- properties that are not itemised, counted
    properties    text[] COLLATE "C" NOT NULL DEFAULT '{}', -- sorted, with types
    types         text[] NOT NULL DEFAULT '{}', -- string, number, boolean, object, array or null
    counts        bigint[] NOT NULL DEFAULT '{}',
    first_received_at timestamptz[] NOT NULL DEFAULT '{}',
    last_received_at  timestamptz[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (log_partition, workspace_id, name, stretch)
) WITH (fillfactor = 70);

-- When records were applied: one row for the commits of a partition within a second. Every record from first_offset up to
-- next_offset was applied at committed_at or up to a second before. Clock readings, so never compared; pruned.
CREATE TABLE projected_batches (
    log_partition integer NOT NULL,
    first_offset  bigint NOT NULL,
    next_offset   bigint NOT NULL,
    committed_at  timestamptz NOT NULL,
    PRIMARY KEY (log_partition, first_offset)
);
CREATE INDEX projected_batches_by_time ON projected_batches USING brin (committed_at);
-- Where the row that still grows began.
ALTER TABLE batches ADD COLUMN window_first_offset bigint, ADD COLUMN window_began_at timestamptz;

-- Copies of erased events that came later, counted. Never compared: they are taken out of the log, so that a set made
-- again from it counts fewer. Nothing is kept of erased contacts.
CREATE TABLE refused_copies (
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    event_id      text COLLATE "C" NOT NULL,
    count         bigint NOT NULL,
    first_received_at timestamptz NOT NULL,
    last_received_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, event_id)
);

-- The CloudEvents id of a record set aside, where it can be read: of an event, the event id.
ALTER TABLE dead_letters ADD COLUMN id text COLLATE "C";

-- For readers: stretches added up.
CREATE VIEW event_properties WITH (security_invoker = true) AS
    SELECT s.log_partition, s.workspace_id, s.name, p.property, p.type, sum(p.count)::bigint AS count,
           min(p.first_received_at) AS first_received_at, max(p.last_received_at) AS last_received_at
    FROM event_name_stretches s
         CROSS JOIN LATERAL unnest(s.properties, s.types, s.counts, s.first_received_at, s.last_received_at)
                    AS p (property, type, count, first_received_at, last_received_at)
    GROUP BY s.log_partition, s.workspace_id, s.name, p.property, p.type;
CREATE VIEW event_property_others WITH (security_invoker = true) AS
    SELECT log_partition, workspace_id, name, sum(others)::bigint AS count
    FROM event_name_stretches GROUP BY log_partition, workspace_id, name HAVING sum(others) > 0;

-- For ingest, which knows no workspace beforehand: names and properties of all of them, and nothing else of any event.
CREATE VIEW known_event_names AS
    SELECT workspace_id, name, sum(count)::bigint AS count, max(last_received_at) AS last_received_at
    FROM event_names GROUP BY workspace_id, name;
-- Without stretches that have too many to itemise: their property names are data, not names.
CREATE VIEW known_properties AS
    SELECT s.workspace_id, s.name, p.property, p.type, sum(p.count)::bigint AS count,
           max(p.last_received_at) AS last_received_at
    FROM event_name_stretches s
         CROSS JOIN LATERAL unnest(s.properties, s.types, s.counts, s.last_received_at)
                    AS p (property, type, count, last_received_at)
    WHERE s.others = 0
    GROUP BY s.workspace_id, s.name, p.property, p.type;

DO $$
DECLARE table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['event_name_stretches', 'refused_copies', 'dead_letters'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY write_all ON %I TO contact_events_projector USING (true) WITH CHECK (true)', table_name);
        EXECUTE format($policy$
            CREATE POLICY read_own ON %I FOR SELECT TO contact_events_query USING (
                workspace_id = NULLIF(current_setting('contact_events.workspace_id', true), '')::bigint)
        $policy$, table_name);
    END LOOP;
    -- The views for ingest are read with the rights of this role, which may see the catalogue of every workspace.
    BEGIN
        CREATE ROLE contact_events_catalogue NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    IF NOT pg_has_role(current_user, 'contact_events_catalogue', 'MEMBER') THEN
        EXECUTE format('GRANT contact_events_catalogue TO %I', current_user);
    END IF;
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO contact_events_catalogue', current_schema());
END $$;
GRANT SELECT ON event_names, event_name_stretches TO contact_events_catalogue;
CREATE POLICY catalogue_all ON event_names FOR SELECT TO contact_events_catalogue USING (true);
CREATE POLICY catalogue_all ON event_name_stretches FOR SELECT TO contact_events_catalogue USING (true);
ALTER VIEW known_event_names OWNER TO contact_events_catalogue;
ALTER VIEW known_properties OWNER TO contact_events_catalogue;

DO $$
BEGIN
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM contact_events_catalogue', current_schema());
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO contact_events_ingest', current_schema());
END $$;
GRANT SELECT ON known_event_names, known_properties TO contact_events_ingest;
GRANT SELECT ON event_name_stretches, event_properties, event_property_others, refused_copies, projected_batches,
                projection_version TO contact_events_query;
-- Where a record set aside stands and why; what stands in it is for operators only.
GRANT SELECT (log_partition, log_offset, kind, reason, logged_at, workspace_id, contact_id, id) ON dead_letters
    TO contact_events_query;
GRANT SELECT, INSERT, UPDATE, DELETE ON projection_version, event_name_stretches, projected_batches, refused_copies
    TO contact_events_projector;
GRANT SELECT ON event_properties, event_property_others TO contact_events_projector;
