-- Which records are still to be tombstoned. Filled by the projector in the transaction that applies an erasure, emptied
-- once the broker has acknowledged the tombstones; here, not among the projections, so that it outlives a rebuild.
CREATE TABLE erasure_outbox (
    topic_id      uuid NOT NULL,
    log_partition integer NOT NULL,
    record_key    bytea NOT NULL,
    workspace_id  bigint NOT NULL,
    contact_id    bigint NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    sent_at       timestamptz, -- the tombstone was acknowledged; the row stays until the log is known to be clean
    PRIMARY KEY (topic_id, log_partition, record_key)
);
CREATE INDEX erasure_outbox_unsent ON erasure_outbox (log_partition) WHERE sent_at IS NULL;
CREATE INDEX erasure_outbox_of_contact ON erasure_outbox (workspace_id, contact_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON erasure_outbox TO contact_events_projector;
