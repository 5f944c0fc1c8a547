-- Further resources that hold an observation now: all but the one where it stands. Which
-- observations share a payload decides whether they can be one contract.
CREATE TABLE also (
  id INTEGER NOT NULL,
  resource INTEGER NOT NULL,
  PRIMARY KEY (id, resource)
) STRICT, WITHOUT ROWID;
CREATE INDEX also_resource ON also (resource);
