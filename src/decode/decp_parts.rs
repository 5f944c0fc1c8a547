//! The parts of a DECP record that are objects: buyer, place, holders, modifications, acts, years.
//!
//! In: the value of one field. Out: the members of the [`super::RawRecord`] that it fills. What has
//! no place in the model is kept beside.

use super::decp::{Fields, Mapper, put};
use super::note;
use super::tree::Tree;
use super::{Declared, RawActe, RawDonnees, RawHolder, RawModification, RawModificationActe};

impl Mapper {
    /// `acheteur`, `autoriteConcedante`: an object, or the identifier alone.
    pub(super) fn buyer(&mut self, name: &str, value: Tree<'_>) {
        if value.is_empty() {
            return;
        }
        self.autorite |= name == "autoriteConcedante";
        self.acheteur |= name == "acheteur";
        let fields = match value {
            Tree::Map(fields) => fields,
            Tree::List(mut items) if items.len() == 1 => {
                return self.buyer(name, items.pop().unwrap_or(Tree::Null));
            }
            other => {
                self.note(note::LIST_SHAPE, "acheteur", other.show(120));
                vec![("id".into(), other)]
            }
        };
        for (key, value) in fields {
            match &*key {
                "id" | "siret" | "SIRET" => {
                    let v = self.scalar("acheteur.id", value);
                    put(&mut self.r.acheteur, v, "acheteur.id", &mut self.r.notes);
                }
                "nom" => {
                    self.evidence.of_2019 |= !value.is_empty();
                    let v = self.scalar("acheteur.nom", value);
                    put(&mut self.r.acheteur_nom, v, "acheteur.nom", &mut self.r.notes);
                }
                "#text" => {}
                key => self.inner_other("acheteur", key, &value),
            }
        }
    }

    fn inner_other(&mut self, outer: &str, key: &str, value: &Tree<'_>) {
        if value.is_empty() {
            return;
        }
        let path = format!("{outer}.{key}");
        // Fields of the PES variant, and names that 2022 dropped: known, and without a place.
        if !matches!(key, "urlProfilAcheteur" | "nom" | "denominationSociale") {
            self.note(note::UNKNOWN_FIELD, &path, value.show(120));
        }
        self.other(&path, value);
    }

    pub(super) fn place(&mut self, value: Tree<'_>) {
        let fields = match value {
            Tree::Map(fields) => fields,
            Tree::List(mut items) if items.len() == 1 => {
                return self.place(items.pop().unwrap_or(Tree::Null));
            }
            other => {
                // A place without a code is a name.
                let name = self.scalar("lieuExecution", other);
                if let Some(name) = name {
                    self.note(note::LIST_SHAPE, "lieuExecution", name.as_str());
                    self.r.lieu_nom.get_or_insert(name);
                }
                return;
            }
        };
        for (key, value) in fields {
            let (path, is_nom) = match &*key {
                "code" => ("lieuExecution.code", false),
                "typeCode" | "typecode" | "type" => ("lieuExecution.typeCode", false),
                "nom" => ("lieuExecution.nom", true),
                key => {
                    self.inner_other("lieuExecution", key, &value);
                    continue;
                }
            };
            self.evidence.of_2019 |= is_nom && !value.is_empty();
            let v = self.scalar(path, value);
            let r = &mut self.r;
            let member = match path {
                "lieuExecution.code" => &mut r.lieu_code,
                "lieuExecution.typeCode" => &mut r.lieu_type,
                _ => &mut r.lieu_nom,
            };
            put(member, v, path, &mut r.notes);
        }
    }
    pub(super) fn holders(&mut self, list: &str, item: &str, value: Tree<'_>) -> Vec<RawHolder> {
        let items = self.items(list, item, value);
        items.into_iter().map(|fields| self.holder(list, fields)).collect()
    }

    pub(super) fn holder(&mut self, path: &str, fields: Fields<'_>) -> RawHolder {
        let mut h = RawHolder::default();
        for (key, value) in fields {
            let member = match &*key {
                "typeIdentifiant" | "typeidentifiant" | "type_identifiant" => &mut h.id_type,
                "id" | "siret" | "identifiant" => &mut h.id,
                "denominationSociale" | "denominationsociale" | "denomination_sociale" | "nom" => {
                    self.evidence.of_2019 |= !value.is_empty();
                    &mut h.name
                }
                key => {
                    self.inner_other(path, key, &value);
                    continue;
                }
            };
            let v = self.scalar(path, value);
            put(member, v, path, &mut self.r.notes);
        }
        h
    }

    pub(super) fn modifications(&mut self, value: Tree<'_>) {
        let path = "modifications";
        for fields in self.items(path, "modification", value) {
            let mut m = RawModification::default();
            for (key, value) in fields {
                let member = match &*key {
                    "id" => &mut m.id,
                    "objetModification" | "objet" => {
                        self.evidence.of_2019 |= !value.is_empty();
                        &mut m.objet
                    }
                    "dateNotificationModification" | "dateNotification" => &mut m.date,
                    "dateSignatureModification" | "dateSignature" => &mut m.date,
                    "datePublicationDonneesModification" | "datePublicationDonnees" => &mut m.date_publication,
                    "dureeMois" | "dureeMoisModification" => &mut m.duree_mois,
                    "montant" | "valeurGlobale" | "montantModification" => &mut m.montant,
                    "titulaires" | "titulaire" | "titulairesModification" => {
                        m.titulaires = self.holders("modifications.titulaires", "titulaire", value);
                        continue;
                    }
                    "concessionnaires" | "concessionnaire" => {
                        m.titulaires = self.holders("modifications.titulaires", "concessionnaire", value);
                        continue;
                    }
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            self.r.modifications.push(m);
        }
    }

    pub(super) fn actes(&mut self, value: Tree<'_>) {
        let path = "actesSousTraitance";
        for fields in self.items(path, "acteSousTraitance", value) {
            self.evidence.of_2022 = true;
            let mut a = RawActe::default();
            for (key, value) in fields {
                let member = match &*key {
                    "id" => &mut a.id,
                    "dureeMois" => &mut a.duree_mois,
                    "dateNotification" => &mut a.date,
                    "datePublicationDonnees" => &mut a.date_publication,
                    "montant" => &mut a.montant,
                    "variationPrix" => &mut a.variation_prix,
                    "sousTraitant" => {
                        a.sous_traitant = self.sub_contractor(value);
                        continue;
                    }
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            self.r.actes.push(a);
        }
    }

    /// `sousTraitant`: one object, however wrapped.
    fn sub_contractor(&mut self, value: Tree<'_>) -> RawHolder {
        let path = "actesSousTraitance.sousTraitant";
        match value {
            Tree::Map(fields) if fields.iter().any(|(k, _)| k == "id" || k == "typeIdentifiant") => {
                self.holder(path, fields)
            }
            other => self.holders(path, "sousTraitant", other).pop().unwrap_or_default(),
        }
    }

    pub(super) fn modifications_actes(&mut self, value: Tree<'_>) {
        let path = "modificationsActesSousTraitance";
        // The XSD writes the item in the plural, the JSON schema in the singular.
        let item = match &value {
            Tree::Map(fields) if fields.iter().any(|(k, _)| k == "modificationActesSousTraitance") => {
                "modificationActesSousTraitance"
            }
            _ => "modificationActeSousTraitance",
        };
        for fields in self.items(path, item, value) {
            self.evidence.of_2022 = true;
            let mut a = RawModificationActe::default();
            for (key, value) in fields {
                let member = match &*key {
                    "id" => &mut a.id,
                    "dureeMois" => &mut a.duree_mois,
                    "dateNotificationModificationSousTraitance" | "dateNotificationModification" => &mut a.date,
                    "datePublicationDonnees" | "datePublicationDonneesModification" => &mut a.date_publication,
                    "montant" => &mut a.montant,
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            self.r.modifications_actes.push(a);
        }
    }

    pub(super) fn donnees(&mut self, value: Tree<'_>) {
        let path = "donneesExecution";
        for fields in self.items(path, "donneesAnnuelles", value) {
            self.concession = true;
            let mut d = RawDonnees::default();
            for (key, value) in fields {
                let member = match &*key {
                    "datePublicationDonneesExecution" => &mut d.date_publication,
                    "depensesInvestissement" => &mut d.depenses_investissement,
                    "tarifs" => {
                        d.tarifs = self.tarifs(value);
                        continue;
                    }
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            self.r.donnees_execution.push(d);
        }
    }

    /// `tarifs`, whose items and their amounts are both called `tarif`.
    fn tarifs(&mut self, value: Tree<'_>) -> Vec<(Declared, Declared)> {
        let path = "donneesExecution.tarifs";
        let mut out = Vec::new();
        for fields in self.items(path, "tarif", value) {
            let (mut intitule, mut tarif) = (None, None);
            for (key, value) in fields {
                let member = match &*key {
                    "intituleTarif" => &mut intitule,
                    "tarif" => &mut tarif,
                    key => {
                        self.inner_other(path, key, &value);
                        continue;
                    }
                };
                let v = self.scalar(path, value);
                put(member, v, path, &mut self.r.notes);
            }
            out.push((intitule, tarif));
        }
        out
    }
}
