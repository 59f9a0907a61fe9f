-- One set of projection tables: everything here can be thrown away and rebuilt from the topic. A set is a schema of its
-- own, made by this same SQL, so that a rebuilt one is equal in every index, policy and grant. The runner has set
-- search_path to the set's schema; nothing here names it.

-- How far each partition of the log is applied, moved in the transaction that applies it, and the counts that must add up.
CREATE TABLE positions (
    log_partition integer PRIMARY KEY,
    topic_id      uuid NOT NULL,   -- a recreated topic or cluster has another id and stops the projector
    cluster_id    text NOT NULL,
    next_offset   bigint NOT NULL, -- the first offset not applied yet
    generation    bigint NOT NULL, -- of this set of tables; a swap raises it and so fences every old writer
    read          bigint NOT NULL DEFAULT 0,
    applied       bigint NOT NULL DEFAULT 0,
    duplicate     bigint NOT NULL DEFAULT 0, -- same id, same content: a retry
    conflict      bigint NOT NULL DEFAULT 0, -- same id, other content: the first in the log stays
    refused       bigint NOT NULL DEFAULT 0, -- of something erased
    dead_lettered bigint NOT NULL DEFAULT 0,
    set_aside     bigint NOT NULL DEFAULT 0, -- of a type this version does not know
    control       bigint NOT NULL DEFAULT 0, -- log marks and tombstones
    CHECK (read = applied + duplicate + conflict + refused + dead_lettered + set_aside + control)
);

-- When each batch was committed: for lag in seconds. Outside what a rebuild compares, since it holds clock readings.
CREATE TABLE batches (
    log_partition integer PRIMARY KEY,
    next_offset   bigint NOT NULL,
    newest_received_at timestamptz, -- of the newest record applied
    committed_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE contacts (
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    external_id   text COLLATE "C" NOT NULL,
    email         text,
    name          text,
    custom_data   json NOT NULL, -- json, not jsonb: keeps numbers and key order as they were written
    custom_data_changed_at json NOT NULL, -- key of custom data -> when its value last changed
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL, -- of the newest record applied to this row
    PRIMARY KEY (workspace_id, contact_id)
);

-- Every change to a contact, first copy of each update id: the change history, and what makes retries harmless.
CREATE TABLE contact_updates (
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    update_id     text COLLATE "C" NOT NULL,
    type          text NOT NULL,
    change        json NOT NULL, -- the record's data, as written
    received_at   timestamptz NOT NULL,
    record_id     uuid NOT NULL,
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, update_id)
);

-- The primary key is the deduplication: no window, and no cache that could disagree with it.
CREATE TABLE timeline (
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    event_id      text COLLATE "C" NOT NULL,
    name          text NOT NULL,
    occurred_at   timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    properties    json NOT NULL,
    record_id     uuid NOT NULL, -- with the ids before it the record's key in the log, which erasure needs
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, event_id)
);
CREATE INDEX timeline_newest_first ON timeline (workspace_id, contact_id, occurred_at DESC, log_offset DESC);

-- Per contact and event name. No row is written by two partitions: a contact lives in one.
CREATE TABLE contact_event_names (
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    name          text COLLATE "C" NOT NULL,
    log_partition integer NOT NULL,
    count         bigint NOT NULL,
    first_occurred_at timestamptz NOT NULL,
    last_occurred_at  timestamptz NOT NULL,
    first_received_at timestamptz NOT NULL,
    last_received_at  timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, name)
) WITH (fillfactor = 70);

-- Per workspace and name, kept apart by log partition so that no two projectors write one row; readers add them up.
CREATE TABLE event_names (
    log_partition integer NOT NULL,
    workspace_id  bigint NOT NULL,
    name          text COLLATE "C" NOT NULL,
    count         bigint NOT NULL,
    first_received_at timestamptz NOT NULL,
    last_received_at  timestamptz NOT NULL,
    PRIMARY KEY (log_partition, workspace_id, name)
) WITH (fillfactor = 70);

-- What a workspace says about its event names. One partition holds all such records of a workspace.
CREATE TABLE event_name_settings (
    workspace_id  bigint NOT NULL,
    name          text COLLATE "C" NOT NULL,
    description   text,
    alias         text, -- how agents see the name
    hidden        boolean NOT NULL,
    pinned        boolean NOT NULL,
    template      text,
    updated_at    timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL, -- of the newest record applied to this row
    PRIMARY KEY (workspace_id, name)
);

-- Every such change, first copy of each update id.
CREATE TABLE event_name_changes (
    workspace_id  bigint NOT NULL,
    update_id     text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    change        json NOT NULL, -- the record's data, as written
    received_at   timestamptz NOT NULL,
    record_id     uuid NOT NULL,
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL,
    PRIMARY KEY (workspace_id, update_id)
);

-- Copies of an id applied already, kept apart: a duplicate says the same, a conflict something else. `type` tells events
-- from contact updates, whose ids are two separate spaces. contact_id is 0 for a workspace's own records.
CREATE TABLE record_copies (
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL,
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    type          text NOT NULL,
    id            text COLLATE "C" NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('duplicate', 'conflict')),
    content       json, -- of a conflict: what it said, as written
    received_at   timestamptz NOT NULL,
    record_id     uuid NOT NULL,
    PRIMARY KEY (log_partition, log_offset)
);
CREATE INDEX record_copies_of_record ON record_copies (workspace_id, contact_id, id);

-- Records that could not be applied, byte for byte, with the reason; and those of unknown types.
CREATE TABLE dead_letters (
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('dead_letter', 'unknown_type')),
    reason        text NOT NULL,
    detail        text NOT NULL,
    logged_at     timestamptz NOT NULL, -- the broker's append time
    workspace_id  bigint, -- as the key says, where it can be read: erasing a contact covers its dead letters
    contact_id    bigint,
    record_key    bytea,
    record_value  bytea,
    PRIMARY KEY (log_partition, log_offset)
);
CREATE INDEX dead_letters_of_contact ON dead_letters (workspace_id, contact_id) WHERE contact_id IS NOT NULL;

-- Markers of what was erased, kept for good, also where nothing was there to erase: later copies are refused by them.
CREATE TABLE erased_events (
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    event_id      text COLLATE "C" NOT NULL,
    erased_at     timestamptz NOT NULL, -- received_at of the erasure
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, event_id)
);
CREATE TABLE erased_contacts (
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    erased_at     timestamptz NOT NULL,
    log_partition integer NOT NULL,
    log_offset    bigint NOT NULL,
    PRIMARY KEY (workspace_id, contact_id)
);

-- Second net behind the statements, which all name the workspace: a reader sees only the workspace it has declared.
DO $$
DECLARE table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['contacts', 'contact_updates', 'timeline', 'contact_event_names', 'event_names',
                                      'event_name_settings', 'event_name_changes', 'record_copies', 'erased_events',
                                      'erased_contacts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', table_name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', table_name);
        EXECUTE format('CREATE POLICY write_all ON %I TO contact_events_projector USING (true) WITH CHECK (true)', table_name);
        EXECUTE format($policy$
            CREATE POLICY read_own ON %I FOR SELECT TO contact_events_query USING (
                workspace_id = NULLIF(current_setting('contact_events.workspace_id', true), '')::bigint)
        $policy$, table_name);
        EXECUTE format('GRANT SELECT ON %I TO contact_events_query', table_name);
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO contact_events_projector, contact_events_query', current_schema());
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO contact_events_projector', current_schema());
END $$;
GRANT SELECT ON positions, batches TO contact_events_query;
