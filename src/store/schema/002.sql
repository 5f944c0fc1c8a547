-- The raw record's hash: a record that stays in quarantine from one payload to the next keeps its
-- number and the day on which it was first seen there.
ALTER TABLE quarantine ADD COLUMN hash BLOB;
