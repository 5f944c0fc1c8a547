//! The records that the cases of the rules start from, and the ways to break one: a faultless marché of 2022
//! and of 2019, a concession, what stands inside them, and documents around them.

use serde_json::{Map, Value, json};

/// A record with members replaced, or removed by `null`.
pub(super) fn patched(mut base: Value, patch: &str) -> Value {
    let patch: Map<String, Value> = serde_json::from_str(&format!("{{{patch}}}")).unwrap();
    let members = base.as_object_mut().unwrap();
    for (key, value) in patch {
        match value {
            Value::Null => drop(members.remove(&key)),
            value => drop(members.insert(key, value)),
        }
    }
    base
}

pub(super) fn marche() -> Value {
    json!({
        "id": "2024-01", "acheteur": {"id": "21310555400017"}, "nature": "Marché",
        "objet": "Réfection de la toiture du gymnase", "codeCPV": "45261000",
        "techniques": {"technique": ["Sans objet"]}, "modalitesExecution": {"modaliteExecution": ["Sans objet"]},
        "procedure": "Procédure adaptée", "lieuExecution": {"code": "31555", "typeCode": "Code commune"},
        "dureeMois": 6, "dateNotification": "2024-03-01", "datePublicationDonnees": "2024-03-15", "montant": 120400,
        "formePrix": "Forfaitaire", "typesPrix": {"typePrix": ["Définitif ferme"]},
        "considerationsSociales": {"considerationSociale": ["Clause sociale"]},
        "considerationsEnvironnementales": {"considerationEnvironnementale": ["Clause environnementale"]},
        "marcheInnovant": false, "attributionAvance": true, "tauxAvance": 0.05, "sousTraitanceDeclaree": true,
        "ccag": "Travaux", "offresRecues": 3, "typeGroupementOperateurs": "Pas de groupement",
        "titulaires": [{"titulaire": {"typeIdentifiant": "SIRET", "id": "33487372600239"}}]
    })
}

/// A marché of 2022.
pub(super) fn m(patch: &str) -> String {
    json!({"marches": {"marche": [patched(marche(), patch)]}}).to_string()
}

/// A marché of 2019.
pub(super) fn old(patch: &str) -> String {
    let base = json!({
        "id": "20240100", "_type": "Marché", "acheteur": {"id": "21310555400017", "nom": "Toulouse"}, "nature": "Marché",
        "objet": "Réfection de la toiture", "codeCPV": "45261000", "procedure": "Procédure adaptée",
        "lieuExecution": {"code": "31555", "typeCode": "Code commune", "nom": "Toulouse"},
        "dureeMois": 6, "dateNotification": "2024-03-01", "datePublicationDonnees": "2024-03-15", "montant": 120400,
        "formePrix": "Ferme", "modifications": [],
        "titulaires": [{"typeIdentifiant": "SIRET", "id": "33487372600239", "denominationSociale": "SNC"}]
    });
    json!({"marches": [patched(base, patch)]}).to_string()
}

/// A concession of 2022.
pub(super) fn c(patch: &str) -> String {
    let base = json!({
        "id": "C1", "autoriteConcedante": {"id": "21310555400017"}, "nature": "Concession de service",
        "objet": "Exploitation du camping municipal", "procedure": "Procédure négociée ouverte", "dureeMois": 60,
        "dateSignature": "2024-03-01", "dateDebutExecution": "2024-04-01", "datePublicationDonnees": "2024-03-15",
        "valeurGlobale": 250300, "montantSubventionPublique": 0,
        "considerationsSociales": {"considerationSociale": ["Clause sociale"]},
        "considerationsEnvironnementales": {"considerationEnvironnementale": ["Clause environnementale"]},
        "concessionnaires": [{"concessionnaire": {"typeIdentifiant": "SIRET", "id": "33487372600239"}}]
    });
    json!({"marches": {"contrat-concession": [patched(base, patch)]}}).to_string()
}

/// A modification beside the record.
pub(super) fn modified(inner: &str) -> String {
    m(&format!(
        r#""modifications":[{{"modification":{{"id":1,"dateNotificationModification":"2024-06-01",
        "datePublicationDonneesModification":"2024-06-10","montant":130000,{inner}}}}}]"#
    ))
}

/// Two modifications, of these numbers, a month apart.
pub(super) fn numbered(first: u32, second: u32) -> String {
    let one = |id: u32, month: u32| {
        format!(
            r#"{{"modification":{{"id":{id},"dateNotificationModification":"2024-0{month}-01","datePublicationDonneesModification":"2024-0{month}-02","montant":130000}}}}"#
        )
    };
    m(&format!(r#""modifications":[{},{}]"#, one(first, 5), one(second, 6)))
}

/// A sub-contracting act beside the record, with other members of the record.
pub(super) fn act(sub: &str, amount: u32, more: &str) -> String {
    m(&format!(
        r#""actesSousTraitance":[{{"acteSousTraitance":{{"id":1,"sousTraitant":{sub},"dureeMois":2,
        "dateNotification":"2024-05-01","datePublicationDonnees":"2024-05-02","montant":{amount},"variationPrix":"Ferme"}}}}]{more}"#
    ))
}

pub(super) const SUB: &str = r#"{"typeIdentifiant":"SIRET","id":"55208131766522"}"#;

/// One titulaire, by its members.
pub(super) fn holder(members: &str) -> String {
    m(&format!(r#""titulaires":[{{"titulaire":{{{members}}}}}]"#))
}

pub(super) fn two_holders(more: &str) -> String {
    m(&format!(
        r#""titulaires":[{{"titulaire":{{"typeIdentifiant":"SIRET","id":"33487372600239"}}}},{{"titulaire":{SUB}}}]{more}"#
    ))
}

pub(super) fn place(code: &str, kind: &str) -> String {
    m(&format!(r#""lieuExecution":{{"code":{code},"typeCode":"{kind}"}}"#))
}

pub(super) fn objet(text: &str) -> String {
    m(&format!("\"objet\":{}", json!(text)))
}

/// The text of a document with a piece of it replaced, to break its syntax.
pub(super) fn broken(from: &str, to: &str) -> String {
    let doc = m("");
    assert!(doc.contains(from), "{from}");
    doc.replacen(from, to, 1)
}

pub(super) fn xml(objet: &str, head: &str) -> String {
    format!(
        "{head}<marches><marche><id>1</id><acheteur><id>21310555400017</id></acheteur><objet>{objet}</objet></marche></marches>"
    )
}

pub(super) fn region(members: &str) -> String {
    format!(
        "<csv><marche><Annee>2019</Annee><Iddumarche>90003</Iddumarche><Nomacheteur>Région</Nomacheteur><SIRETacheteur>23350001600040</SIRETacheteur><Objetmarche>Cabine</Objetmarche>{members}</marche></csv>"
    )
}

pub(super) fn latin(doc: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(doc).0.into_owned()
}

/// A document of which one record only is Windows-1252.
pub(super) fn mixed() -> Vec<u8> {
    let record = |objet: &str| patched(marche(), &format!("\"objet\":{}", json!(objet))).to_string();
    let utf8 = vec![record("Réfection à l'école du château"); 4].join(",");
    let mut doc = format!("{{\"marches\":{{\"marche\":[{utf8},").into_bytes();
    doc.extend(latin(&record("Étanchéité")));
    doc.extend(b"]}}");
    doc
}
