-- The delivery log counts a workspace's copies of a span of time, and shows the newest. Written only where a copy comes.
CREATE INDEX record_copies_by_time ON record_copies (workspace_id, received_at DESC) INCLUDE (kind);
