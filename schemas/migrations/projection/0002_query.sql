-- What only readers need: the way from the log's position to the events, and contact search.
-- The runner has set search_path to the set's schema; nothing here names it.

-- Live streams ask for what is new since a position, and must find it at the same cost however long a timeline is.
-- Offsets only grow, so every insert goes to the end of the index: the cheapest place for the projector.
CREATE UNIQUE INDEX timeline_by_position ON timeline (log_partition, log_offset);

-- When the projector last knew that it had applied all there was: tells "nothing new" from "nobody is applying".
ALTER TABLE batches ADD COLUMN IF NOT EXISTS caught_up_at timestamptz;

-- Text as search compares it: lower case, without accents. Cut, since an index entry has a limit and a long name must not
-- stop the projector.
CREATE FUNCTION search_fold(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT lower(regexp_replace(normalize(left($1, 1000), NFD), U&'[\0300-\036F]', '', 'g'));
    END;

-- Every beginning of a word by which a contact may be found: the words between spaces, their parts, and the domain of the
-- email. Each has the workspace in front, so that one range of index entries belongs to one workspace. array_to_tsvector
-- takes the words as they are: no dictionary, no stop words. One expression without FROM, which is ten times faster here.
CREATE FUNCTION search_words(workspace_id bigint, name text, email text, external_id text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT array_to_tsvector(string_to_array(
            workspace_id || '/' || regexp_replace(
                btrim(regexp_replace(
                    search_fold(concat_ws(' ', name, email, external_id, split_part(email, '@', 2)))
                    || ' ' || regexp_replace(
                        search_fold(concat_ws(' ', name, email, external_id)), '[^[:alnum:]]+', ' ', 'g'),
                    '(\S{64})\S+', '\1', 'g')),
                '\s+', ' ' || workspace_id || '/', 'g'),
            ' '));
    END;

-- fastupdate off: the projector pays for each contact when it writes it, never for thousands at once.
CREATE INDEX contacts_by_word ON contacts USING gin (search_words(workspace_id, name, email, external_id))
    WITH (fastupdate = off);

DO $$
BEGIN
    BEGIN
        CREATE ROLE contact_events_search NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    IF NOT pg_has_role(current_user, 'contact_events_search', 'MEMBER') THEN
        EXECUTE format('GRANT contact_events_search TO %I', current_user);
    END IF;
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO contact_events_search', current_schema());
END $$;
GRANT SELECT (workspace_id, contact_id, external_id, email, name) ON contacts TO contact_events_search;
CREATE POLICY search_all ON contacts FOR SELECT TO contact_events_search USING (true);

-- Row-level security keeps a GIN index from being used, since its operators are not leakproof. So this one function runs
-- as a role that may read the searched columns of all workspaces, and narrows them itself: to the workspace that the
-- transaction has declared, never to one given as an argument. Its body is bound to the tables of this set when it is
-- created: no search path, and no renamed schema, can lead it elsewhere.
-- At most 500 matches are ranked: short words match too many for a list to be of use anyway.
CREATE FUNCTION search_contacts(query text, result_limit bigint)
    RETURNS TABLE (contact_id bigint, external_id text, email text, name text, rank integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    BEGIN ATOMIC
        WITH asked AS (
            SELECT NULLIF(current_setting('contact_events.workspace_id', true), '')::bigint AS workspace_id,
                   btrim(search_fold(query)) AS folded
        ), words AS (
            SELECT string_agg('''' || replace(replace(asked.workspace_id || '/' || left(piece.word, 64), '\', '\\'), '''', '''''')
                              || ''':*', ' & ')::tsquery AS all_of
            FROM asked, regexp_split_to_table(asked.folded, '\s+') AS piece (word) WHERE piece.word <> ''
        ), by_word AS (
            SELECT c.contact_id, c.external_id, c.email, c.name
            FROM asked, words, contacts AS c
            WHERE c.workspace_id = asked.workspace_id
              AND search_words(c.workspace_id, c.name, c.email, c.external_id) @@ words.all_of
            LIMIT 500
        ), by_id AS (
            SELECT c.contact_id, c.external_id, c.email, c.name
            FROM asked, contacts AS c
            WHERE c.workspace_id = asked.workspace_id
              AND c.contact_id = CASE WHEN asked.folded ~ '^[1-9][0-9]{0,15}$' THEN asked.folded::bigint END
        )
        SELECT found.contact_id, found.external_id, found.email, found.name,
               CASE WHEN found.contact_id::text = asked.folded THEN 0
                    WHEN asked.folded IN (search_fold(found.external_id), search_fold(found.email)) THEN 1
                    WHEN asked.folded = search_fold(found.name) THEN 2
                    ELSE 3 END AS rank
        FROM asked, (SELECT * FROM by_word UNION SELECT * FROM by_id) AS found
        ORDER BY rank, found.contact_id DESC
        LIMIT result_limit;
    END;
ALTER FUNCTION search_contacts(text, bigint) OWNER TO contact_events_search;
REVOKE ALL ON FUNCTION search_contacts(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_contacts(text, bigint) TO contact_events_query;

DO $$
BEGIN
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM contact_events_search', current_schema());
END $$;
