-- The delivery log: what the write API refused of authenticated callers, so that the developer of an app can see in the
-- morning what became of the night. Written in the background from a bounded buffer, kept for a bounded time; never
-- holds a payload or the value of a property.

-- One row a refused request, or refused item of a batch. Fewer rows than the counts say means: not kept.
CREATE TABLE rejections (
    workspace_id bigint NOT NULL REFERENCES workspaces,
    rejected_at  timestamptz NOT NULL,
    id           bigint GENERATED ALWAYS AS IDENTITY, -- tells rows of one moment apart
    status       smallint NOT NULL, -- HTTP; of an item of a batch 422
    code         text COLLATE "C" NOT NULL, -- of the first fault, else of the problem
    pointer      text NOT NULL, -- JSON Pointer of the first fault, into the body or the item; cut when very long
    faults       integer NOT NULL, -- how many there were
    name         text, -- of the event, where it had one
    name_altered boolean NOT NULL, -- the name itself was wrong: it was cut, or what cannot be shown was replaced
    item         integer, -- its place in the batch, from 0; NULL for a whole request
    endpoint     text NOT NULL,
    key_id       text COLLATE "C" NOT NULL,
    request_id   text NOT NULL,
    PRIMARY KEY (workspace_id, rejected_at, id)
);
CREATE INDEX rejections_by_age ON rejections USING brin (rejected_at);

-- Exact counts, also of what is not kept. A minute's rows become their hour's after a day.
CREATE TABLE rejection_counts (
    workspace_id bigint NOT NULL REFERENCES workspaces,
    minute       timestamptz NOT NULL,
    code         text COLLATE "C" NOT NULL,
    names        text NOT NULL CHECK (names IN ('one', 'none', 'others')), -- 'others': more names than are kept apart
    name         text COLLATE "C" NOT NULL, -- empty unless names = 'one'
    count        bigint NOT NULL,
    PRIMARY KEY (workspace_id, minute, code, names, name)
);

-- The newest write of each ingest process: one whose commit was in doubt is sent again and counts once.
CREATE TABLE rejection_writers (
    writer     uuid PRIMARY KEY,
    sequence   bigint NOT NULL,
    written_at timestamptz NOT NULL
);

DO $$
DECLARE table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['rejections', 'rejection_counts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY write_all ON %I TO contact_events_ingest USING (true) WITH CHECK (true)', table_name);
        EXECUTE format($policy$
            CREATE POLICY read_own ON %I FOR SELECT TO contact_events_query USING (
                workspace_id = NULLIF(current_setting('contact_events.workspace_id', true), '')::bigint)
        $policy$, table_name);
        EXECUTE format('GRANT SELECT ON %I TO contact_events_query', table_name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO contact_events_ingest', table_name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON rejection_writers TO contact_events_ingest;
