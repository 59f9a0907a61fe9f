-- Records of an export as a table, and the events that are on timelines as a view. For SQLite 3.38 or later.

CREATE TABLE IF NOT EXISTS records (
    log_partition INTEGER NOT NULL,
    log_offset    INTEGER NOT NULL,
    source        TEXT NOT NULL,
    subject       TEXT,
    type          TEXT NOT NULL,
    id            TEXT NOT NULL,
    time          TEXT NOT NULL,
    receivedat    TEXT,
    data          TEXT,
    PRIMARY KEY (log_partition, log_offset)
);

CREATE INDEX IF NOT EXISTS records_of_contacts ON records (source, subject, id);

CREATE VIEW IF NOT EXISTS erasures AS
SELECT source, subject, json_extract(data, '$.event_id') AS event_id  -- null: the whole contact
FROM records WHERE type IN ('contact.event.erased.v1', 'contact.erased.v1');

CREATE VIEW IF NOT EXISTS events AS
SELECT source, subject, id, time, receivedat, json_extract(data, '$.name') AS name,
       json_extract(data, '$.properties') AS properties, log_partition, log_offset
FROM (
    SELECT *, row_number() OVER (PARTITION BY source, subject, id ORDER BY log_offset) AS copy
    FROM records WHERE type = 'contact.event.recorded.v1'
) AS recorded
WHERE copy = 1 AND NOT EXISTS (
    SELECT 1 FROM erasures
    WHERE erasures.source = recorded.source AND erasures.subject = recorded.subject
      AND (erasures.event_id IS NULL OR erasures.event_id = recorded.id)
);
