-- Erasing a contact: its identity is marked, contact.erased is published, and the row stays for as long as other processes
-- may still remember the contact; then it goes. Its number is never given again.
ALTER TABLE contact_identities
    ADD COLUMN erasure_id text COLLATE "C", -- of contact.erased
    ADD COLUMN erasure_acked_at timestamptz; -- NULL with erased_at set: still to be published, by the caller or the sweeper
CREATE INDEX contact_identities_erased ON contact_identities (erased_at) WHERE erased_at IS NOT NULL;
