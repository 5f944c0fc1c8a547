//! The tables of journal.sqlite, and what each column means. See [`super::journal`] for how they are kept.

/// Layout of the file (`meta.schema`); a reader refuses another one.
pub(super) const SCHEMA_VERSION: &str = "1";

/// The tables. The partial index holds the rule that of one uid at most one upsert is the present state.
pub(super) const TABLES: &str = "
CREATE TABLE meta (cle TEXT PRIMARY KEY, valeur TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE documentation (
  objet TEXT NOT NULL, colonne TEXT NOT NULL, description TEXT NOT NULL, PRIMARY KEY (objet, colonne)
) STRICT, WITHOUT ROWID;
CREATE TABLE changements (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  op TEXT NOT NULL,
  uid TEXT NOT NULL,
  reason TEXT,
  merged_into TEXT,
  day TEXT NOT NULL,
  record BLOB
) STRICT;
CREATE UNIQUE INDEX changements_present ON changements (uid) WHERE op = 'upsert' AND record IS NULL;
CREATE TABLE observations (
  uid TEXT NOT NULL,
  source TEXT NOT NULL,
  resource TEXT NOT NULL,
  first_seen TEXT NOT NULL,
  last_seen TEXT,
  PRIMARY KEY (uid, source, resource)
) STRICT, WITHOUT ROWID;
CREATE TABLE alias (
  ancien TEXT NOT NULL,
  uid TEXT NOT NULL,
  depuis TEXT NOT NULL,
  PRIMARY KEY (ancien, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_uid ON alias (uid);
";

/// What stands in the table `documentation`, in French.
pub(super) const DOCUMENTATION: &[(&str, &str, &str)] = &[
    ("meta", "", "Clé et valeur : schema, epoch, first_seq et last_seq (de cette publication), since_min, day"),
    ("meta", "since_min", "Le plus petit `since` auquel la table changements répond en entier"),
    ("changements", "", "Ce qui a changé depuis 90 jours, dans l'ordre de seq"),
    ("changements", "seq", "Numéro du changement ; ne fait que croître tant que epoch ne change pas"),
    ("changements", "kind", "contrat"),
    ("changements", "op", "upsert (nouveau ou modifié) ou delete (disparu)"),
    ("changements", "uid", "Le contrat"),
    ("changements", "reason", "D'un delete : merged, split ou gone"),
    ("changements", "merged_into", "D'un delete : le contrat qui a repris ses observations"),
    ("changements", "day", "Jour de la publication qui l'a apporté"),
    (
        "changements",
        "record",
        "D'un upsert remplacé depuis : le contrat d'alors, JSON comprimé (zstd). NULL pour l'état présent, qui est la ligne de cet uid dans contrats.ndjson (guichet.sqlite, contrats.debut et octets)",
    ),
    ("observations", "", "Quand une ressource d'une source a montré un contrat"),
    ("observations", "uid", "Le contrat"),
    ("observations", "source", "La source"),
    ("observations", "resource", "Sa ressource"),
    ("observations", "first_seen", "Jour de la première publication où elle l'a montré"),
    ("observations", "last_seen", "Jour de la dernière publication où elle l'a montré ; NULL tant qu'elle le montre"),
    ("alias", "", "Anciens uid"),
    ("alias", "ancien", "Un uid qui n'existe plus"),
    ("alias", "uid", "Le contrat qui le remplace ; plusieurs lignes quand il a été scindé"),
    ("alias", "depuis", "Jour de la publication qui l'a remplacé"),
];
