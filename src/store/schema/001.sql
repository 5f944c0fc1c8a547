-- Days are days since 1970-01-01. Times are RFC 3339 text in UTC. A SIREN is an integer.

-- key/value: epoch, next_seq, state_version, published_version, fingerprint, next_publication.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Every source that ever spoke, also those whose stanza has gone (orphans).
CREATE TABLE source (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  licence TEXT NOT NULL,
  authority TEXT NOT NULL,
  buyers TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  last_attempt TEXT,
  last_success TEXT,
  next_run TEXT,
  consecutive_failures INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  partial INTEGER NOT NULL DEFAULT 0,
  running INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One file or export of a source, and its current payload.
CREATE TABLE resource (
  n INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  id TEXT NOT NULL,
  url TEXT NOT NULL,
  title TEXT NOT NULL,
  resource_date INTEGER,
  sha256 TEXT,
  bytes INTEGER,
  etag TEXT,
  last_modified TEXT,
  checksum TEXT,
  full_fetch INTEGER,
  whole_day INTEGER,
  state TEXT NOT NULL,
  records INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  UNIQUE (source, id)
) STRICT;

-- What the current payload of a resource holds, in its order: pages of entries of 24 bytes
-- (16 of the raw record's hash, 8 of what became of it).
CREATE TABLE place (
  resource INTEGER NOT NULL,
  page INTEGER NOT NULL,
  entries BLOB NOT NULL,
  PRIMARY KEY (resource, page)
) STRICT;

-- What one source said once: never changed, never removed but by `forget` and `redact`.
-- `last_day`: the latest day that it declares; a change of its resource's date matters only when
-- that day is later or absent.
CREATE TABLE observation (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  siren INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_day INTEGER,
  repaired INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  hash BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX observation_hash ON observation (source, hash);
CREATE INDEX observation_buyer ON observation (siren);
-- Counting must not read the bodies, which lie in the same rows.
CREATE INDEX observation_repaired ON observation (id) WHERE repaired=1;
CREATE INDEX observation_missing ON observation (source, missing) WHERE missing<>0;

-- Where an observation stands now. `gone`: the day its resource was first whole without it.
-- outcome: 1 accepted (or not merged yet), 2 superseded, 3 same as `same_as`, 4 out of region,
-- 5 replaced while gone (history), 6 withdrawn.
CREATE TABLE standing (
  id INTEGER PRIMARY KEY,
  resource INTEGER NOT NULL,
  position INTEGER NOT NULL,
  gone INTEGER,
  outcome INTEGER NOT NULL,
  same_as INTEGER
) STRICT;
CREATE INDEX standing_gone ON standing (resource, gone) WHERE gone IS NOT NULL;

-- Records that cannot be read or have no identity. The raw text is in the archive:
-- payload + byte range (in the decoded UTF-8 stream).
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  resource INTEGER NOT NULL,
  position INTEGER NOT NULL,
  payload TEXT NOT NULL,
  byte_start INTEGER NOT NULL,
  byte_len INTEGER NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  first_seen INTEGER NOT NULL
) STRICT;
CREATE INDEX quarantine_resource ON quarantine (resource, position);

-- Buyers whose contracts must be merged again. `mark` grows with each reason, so that a merge
-- clears only what it has seen.
CREATE TABLE dirty (siren INTEGER PRIMARY KEY, mark INTEGER NOT NULL) STRICT;

-- What the merge made. `body` is the store's encoding of record::Contract.
CREATE TABLE contract (
  n INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  siren INTEGER NOT NULL,
  in_scope INTEGER NOT NULL,
  withdrawn INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX contract_buyer ON contract (siren);

-- One row per publication made.
CREATE TABLE publication (
  name TEXT PRIMARY KEY,
  day INTEGER NOT NULL,
  created TEXT NOT NULL,
  state_version INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
