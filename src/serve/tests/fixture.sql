CREATE TABLE meta(cle TEXT PRIMARY KEY, valeur TEXT NOT NULL) WITHOUT ROWID, STRICT;
INSERT INTO meta VALUES ('schema','1'),('day','2026-11-24'),('generator','guichet'),('region','Occitanie'),
  ('contrats','3'),('marches','2'),('concessions','1'),('retires','0'),('actifs','3'),('acheteurs','1'),('sources','1');
CREATE TABLE sources(n INTEGER PRIMARY KEY, id TEXT UNIQUE, nom TEXT, url TEXT, licence TEXT, format TEXT, authority TEXT,
  contrats INTEGER, observations INTEGER) STRICT;
INSERT INTO sources VALUES (1,'toulouse','Ville de Toulouse','https://data.exemple.fr/decp','etalab-2.0','decp-json','buyer',3,3);
CREATE TABLE ressources(n INTEGER PRIMARY KEY, source INTEGER, id TEXT, url TEXT, titre TEXT, UNIQUE(source, id)) STRICT;
INSERT INTO ressources VALUES (1,1,'r1','https://data.exemple.fr/decp/2022.json','decp-2022.json');
CREATE TABLE contrats(
  n INTEGER PRIMARY KEY, uid TEXT NOT NULL, type TEXT NOT NULL, retire INTEGER NOT NULL, seul2019 INTEGER NOT NULL,
  id TEXT NOT NULL, acheteur_id TEXT NOT NULL, acheteur_siren TEXT NOT NULL, acheteur_nom TEXT, departement TEXT,
  nature TEXT, nature2019 TEXT, objet TEXT, codeCPV TEXT, categorie TEXT, procedure TEXT, techniques TEXT,
  modalitesExecution TEXT, idAccordCadre TEXT, lieuExecution_code TEXT, lieuExecution_typeCode TEXT, lieuExecution_nom TEXT,
  dureeMois INTEGER, dureeRestanteMois REAL, dateNotification TEXT, datePublicationDonnees TEXT, dateDebutExecution TEXT,
  montant REAL, montantSubventionPublique REAL, formePrix TEXT, typesPrix TEXT, considerationsSociales TEXT,
  considerationsEnvironnementales TEXT, marcheInnovant INTEGER, attributionAvance INTEGER, tauxAvance REAL,
  sousTraitanceDeclaree INTEGER, ccag TEXT, offresRecues INTEGER, typeGroupementOperateurs TEXT, origineUE REAL,
  origineFrance REAL, montantActuel REAL, dureeMoisActuelle INTEGER, titulaires TEXT, source INTEGER, ressource INTEGER,
  region_motifs TEXT, provenance TEXT, debut INTEGER, octets INTEGER) STRICT;
CREATE UNIQUE INDEX contrats_uid ON contrats(uid);
CREATE INDEX contrats_date ON contrats(coalesce(dateNotification,'') DESC) WHERE retire = 0;
CREATE INDEX contrats_acheteur ON contrats(acheteur_siren, coalesce(dateNotification,'') DESC) WHERE retire = 0;
CREATE INDEX contrats_departement ON contrats(departement, coalesce(dateNotification,'') DESC) WHERE retire = 0;
CREATE TABLE titulaires(contrat INTEGER, etat INTEGER, rang INTEGER, typeIdentifiant TEXT, id TEXT, siren TEXT,
  denominationSociale TEXT, observation INTEGER, PRIMARY KEY(contrat, etat, rang)) WITHOUT ROWID, STRICT;
CREATE INDEX titulaires_id ON titulaires(id);
CREATE INDEX titulaires_siren ON titulaires(siren) WHERE siren IS NOT NULL;
CREATE TABLE modifications(contrat INTEGER, rang INTEGER, id INTEGER, objetModification TEXT, dateNotificationModification TEXT,
  datePublicationDonneesModification TEXT, dureeMois INTEGER, montant REAL, etat_dureeMois INTEGER, etat_dureeRestanteMois REAL,
  etat_montant REAL, etat_titulaires INTEGER, observation INTEGER, PRIMARY KEY(contrat, rang)) WITHOUT ROWID, STRICT;
CREATE TABLE actes_sous_traitance(contrat INTEGER, rang INTEGER, id INTEGER, sousTraitant_typeIdentifiant TEXT, sousTraitant_id TEXT,
  sousTraitant_nom TEXT, dureeMois INTEGER, dateNotification TEXT, datePublicationDonnees TEXT, montant REAL, variationPrix TEXT,
  observation INTEGER, PRIMARY KEY(contrat, rang)) WITHOUT ROWID, STRICT;
CREATE TABLE modifications_actes(contrat INTEGER, rang INTEGER, id INTEGER, dureeMois INTEGER,
  dateNotificationModificationSousTraitance TEXT, datePublicationDonnees TEXT, montant REAL, observation INTEGER,
  PRIMARY KEY(contrat, rang)) WITHOUT ROWID, STRICT;
CREATE TABLE donnees_execution(contrat INTEGER, rang INTEGER, datePublicationDonneesExecution TEXT, depensesInvestissement REAL,
  PRIMARY KEY(contrat, rang)) WITHOUT ROWID, STRICT;
CREATE TABLE tarifs(contrat INTEGER, annee INTEGER, rang INTEGER, intituleTarif TEXT, tarif REAL,
  PRIMARY KEY(contrat, annee, rang)) WITHOUT ROWID, STRICT;
CREATE TABLE observations(contrat INTEGER, rang INTEGER, source INTEGER, ressource INTEGER, position INTEGER, acheteur_id TEXT,
  id TEXT, published TEXT, PRIMARY KEY(contrat, rang)) WITHOUT ROWID, STRICT;
CREATE TABLE conflits(contrat INTEGER, rang INTEGER, champ TEXT, valeurs TEXT, PRIMARY KEY(contrat, rang)) WITHOUT ROWID, STRICT;
CREATE TABLE constats(contrat INTEGER, rang INTEGER, code TEXT, champ TEXT, valeur TEXT, gravite TEXT, observation INTEGER,
  PRIMARY KEY(contrat, rang)) WITHOUT ROWID, STRICT;
CREATE TABLE acheteurs(siren TEXT PRIMARY KEY, siret TEXT, nom TEXT, departement TEXT, contrats INTEGER, retires INTEGER,
  montant REAL, premiere_notification TEXT, derniere_notification TEXT) WITHOUT ROWID, STRICT;
INSERT INTO acheteurs VALUES ('213105554','21310555400017','Ville de Toulouse','31',3,0,21234.56,'2022-03-01','2023-05-02');
CREATE TABLE alias(cle TEXT, contrat INTEGER, PRIMARY KEY(cle, contrat)) WITHOUT ROWID, STRICT;
