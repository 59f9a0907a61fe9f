-- The write side: small, backed up, never rebuilt from the topic (contact identity can be, as a last resort).
-- The runner has set search_path to this schema.

DO $$
DECLARE role_name text;
BEGIN
    -- Roles belong to the whole server, so another database may have made them already, perhaps at this very moment.
    FOREACH role_name IN ARRAY ARRAY['contact_events_ingest', 'contact_events_projector', 'contact_events_query'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        IF NOT pg_has_role(current_user, role_name, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', role_name, current_user);
        END IF;
    END LOOP;
END $$;

CREATE TABLE workspaces (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL,
    time_zone       text NOT NULL DEFAULT 'UTC', -- IANA; in which a page is first rendered
    frame_ancestors text[] NOT NULL DEFAULT '{}', -- origins that may show the sidebar in a frame
    settings        jsonb NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    key_id       text COLLATE "C" PRIMARY KEY, -- the public part of the key, for looking it up and for logs
    workspace_id bigint NOT NULL REFERENCES workspaces,
    name         text NOT NULL,
    secret_hash  bytea NOT NULL, -- SHA-256 of the secret; the secret itself has 256 random bits and is stored nowhere
    scopes       text[] NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_of_workspace ON api_keys (workspace_id);

-- One integer id for each (workspace, external id). Ids are never given twice, not even after an erasure.
-- What contact.created says is kept until it is acknowledged, so that whoever completes an interrupted creation (the next
-- caller, or the sweeper) publishes the very same change under the same update id.
CREATE TABLE contact_identities (
    contact_id   bigint GENERATED ALWAYS AS IDENTITY (MAXVALUE 9007199254740991) PRIMARY KEY, -- exact in a JavaScript number
    workspace_id bigint NOT NULL REFERENCES workspaces,
    external_id  text COLLATE "C" NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    update_id    text COLLATE "C" NOT NULL, -- of contact.created
    creation     json,        -- email, name and custom data of contact.created, as written; NULL once it is acknowledged
    claimed_until timestamptz NOT NULL DEFAULT now(), -- somebody is publishing contact.created; afterwards anybody may
    published_at timestamptz, -- when contact.created was acknowledged; until then the contact is not usable
    position     text,        -- and where: the token handed to callers who find the contact
    erased_at    timestamptz,
    UNIQUE (workspace_id, external_id),
    CHECK ((published_at IS NULL) = (creation IS NOT NULL) OR erased_at IS NOT NULL)
);
CREATE INDEX contact_identities_unpublished ON contact_identities (created_at) WHERE published_at IS NULL;

GRANT USAGE ON SCHEMA write_side TO contact_events_ingest, contact_events_projector, contact_events_query;
GRANT SELECT ON workspaces, api_keys TO contact_events_ingest, contact_events_query;
GRANT UPDATE (last_used_at) ON api_keys TO contact_events_ingest, contact_events_query;
GRANT SELECT, INSERT, UPDATE, DELETE ON contact_identities TO contact_events_ingest;
