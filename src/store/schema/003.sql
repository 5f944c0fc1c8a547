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

-- Where a source's buyers were found to have their seat when its records were read: 0 in the region, 1
-- outside, 2 not known. Also of buyers whose records were dropped for it, of whom nothing else is
-- kept: when the register changes, what was decided otherwise then is read again.
CREATE TABLE seat_asked (
  source INTEGER NOT NULL,
  siren INTEGER NOT NULL,
  answer INTEGER NOT NULL,
  PRIMARY KEY (source, siren)
) STRICT, WITHOUT ROWID;

-- Contracts say why their parts are one and what else may be the same: their encoding is another,
-- and all of them are made again from the observations.
INSERT INTO dirty SELECT DISTINCT siren, 1 FROM observation WHERE true ON CONFLICT DO UPDATE SET mark=mark+1;
DELETE FROM contract;
