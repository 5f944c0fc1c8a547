-- Further resources that hold an observation now: all but the one where it stands. Which
-- observations share a payload decides whether they can be one contract.
CREATE TABLE also (
  id INTEGER NOT NULL,
  resource INTEGER NOT NULL,
  PRIMARY KEY (id, resource)
) STRICT, WITHOUT ROWID;
CREATE INDEX also_resource ON also (resource);

-- When a source was first asked: one that never answered is failing once it has been asked for a week.
ALTER TABLE source ADD COLUMN first_attempt TEXT;
UPDATE source SET first_attempt = last_attempt;
