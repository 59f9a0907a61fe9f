-- The events that are on timelines, out of a file of `contact-events topic export`, with DuckDB: copies dropped,
-- erasures obeyed. In the folder of export.ndjson:  duckdb events.duckdb < export.sql

CREATE OR REPLACE TABLE records AS
SELECT "partition", "offset", value ->> 'source' AS source, value ->> 'subject' AS subject, value ->> 'type' AS type,
       value ->> 'id' AS id, (value ->> 'time')::TIMESTAMPTZ AS time, value -> 'data' AS data
FROM read_json('export.ndjson', format = 'newline_delimited',
               columns = {"partition": 'INTEGER', "offset": 'BIGINT', "value": 'JSON'})
WHERE value ->> 'specversion' = '1.0';  -- no tombstones, and nothing that is not ours

CREATE OR REPLACE VIEW erasures AS
SELECT source, subject, data ->> 'event_id' AS event_id  -- null: the whole contact
FROM records WHERE type IN ('contact.event.erased.v1', 'contact.erased.v1');

CREATE OR REPLACE VIEW events AS
SELECT source, subject, id, time, data ->> 'name' AS name, data -> 'properties' AS properties
FROM records
WHERE type = 'contact.event.recorded.v1' AND NOT EXISTS (
    FROM erasures
    WHERE erasures.source = records.source AND erasures.subject = records.subject
      AND (erasures.event_id IS NULL OR erasures.event_id = records.id)
)
QUALIFY row_number() OVER (PARTITION BY source, subject, id ORDER BY "offset") = 1;  -- the first copy counts

COPY (SELECT * FROM events ORDER BY source, subject, time) TO 'events.parquet' (FORMAT parquet);
