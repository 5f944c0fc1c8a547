-- Where a source's buyers were found to have their seat when its records were read: 0 in the region, 1
-- outside, 2 not known. Also of buyers whose records were dropped for it, of whom nothing else is
-- kept: when the register changes, what was decided otherwise then is read again.
CREATE TABLE seat_asked (
  source INTEGER NOT NULL,
  siren INTEGER NOT NULL,
  answer INTEGER NOT NULL,
  PRIMARY KEY (source, siren)
) STRICT, WITHOUT ROWID;
