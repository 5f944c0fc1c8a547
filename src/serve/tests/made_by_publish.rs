//! A publication as the program itself makes it, from payload to file, is what these pages read:
//! the database written by `publish` and the queries of this room agree on every name.

use std::ops::ControlFlow;
use std::path::Path;

use super::fixture::Site;
use crate::decode::SplitOptions;
use crate::merge::{self, Authority, Candidate, Rules, SourceFacts};
use crate::publish::{self, Input, Options, Quality, ResourceRow, SourceRow};
use crate::record::{Contract, Day};
use crate::reference::Region;
use crate::refine::{Context, Outcome, read_all};

/// Decodes, refines, merges and publishes these payloads: (source, resource, bytes).
pub fn publish_payloads(public: &Path, payloads: &[(&str, &str, Vec<u8>)]) {
    let day = Day::from_ymd(2026, 11, 24).unwrap();
    let region = Region::everywhere();
    let context = Context { region: &region, register: None, seen: day };
    let mut names: Vec<&str> = payloads.iter().map(|(source, ..)| *source).collect();
    names.sort_unstable();
    names.dedup();
    let facts = |id: &&str| SourceFacts { id: (*id).to_owned(), authority: Authority::Platform, buyers: Vec::new() };
    let sources: Vec<SourceFacts> = names.iter().map(facts).collect();
    let mut candidates = Vec::new();
    for (source, resource, bytes) in payloads {
        let source = names.iter().position(|n| n == source).unwrap() as u32;
        let each = &mut |item: crate::refine::ReadItem<'_>| {
            if let Outcome::Observation(observation) = item.outcome {
                candidates.push(Candidate {
                    observation_id: candidates.len() as i64,
                    source,
                    resource: (*resource).to_owned(),
                    position: item.position,
                    also_in: Vec::new(),
                    present: true,
                    withdrawn: false,
                    gone_since: None,
                    resource_date: None,
                    first_seen: day,
                    observation: *observation,
                });
            }
            ControlFlow::Continue(())
        };
        read_all(&bytes[..], &SplitOptions::default(), &context, each).unwrap();
    }
    let mut rules = Rules::default();
    rules.no_region = true;
    let merged = merge::merge_all(&sources, candidates, &rules);
    let mut contracts: Vec<Contract> = merged.into_iter().flat_map(|(_, m)| m.contracts).collect();
    contracts.sort_by(|a, b| a.uid.cmp(&b.uid));
    let row = |id: &&str| SourceRow {
        id: (*id).to_owned(),
        name: format!("Profil {id}"),
        url: format!("https://{id}.exemple.fr/"),
        licence: "etalab-2.0".to_owned(),
        format: "auto".to_owned(),
        authority: "platform".to_owned(),
        max_shrink: None,
    };
    let resource = |(source, id, _): &(&str, &str, Vec<u8>)| ResourceRow {
        source: (*source).to_owned(),
        id: (*id).to_owned(),
        url: format!("https://{source}.exemple.fr/{id}"),
        title: Some((*id).to_owned()),
    };
    let input = Input {
        contracts: Box::new(contracts.into_iter().map(Ok)),
        sources: names.iter().map(row).collect(),
        resources: payloads.iter().map(resource).collect(),
        quality: Quality::default(),
        quarantine: Box::new(std::iter::empty()),
        seats: &|_| Ok(None),
        day,
        created: "2026-11-24T05:30:00Z".parse().unwrap(),
        epoch: uuid::Uuid::nil(),
        next_seq: 1,
        region: Some("Occitanie".to_owned()),
        redacted: 0,
        forget: false,
        removed: &|_| false,
    };
    publish::write(input, &Options::new(public), true).unwrap();
}

/// A marché in the 2022 format whose object and holder can be chosen.
fn marche(id: &str, objet: &str, holder: &str, montant: &str) -> String {
    format!(
        r#"{{"id":"{id}","acheteur":{{"id":"21310555400017"}},"nature":"Marché","objet":"{objet}","codeCPV":"45233140",
        "techniques":{{"technique":["Sans objet"]}},"modalitesExecution":{{"modaliteExecution":["Sans objet"]}},
        "procedure":"Procédure adaptée","lieuExecution":{{"code":"31555","typeCode":"Code commune"}},"dureeMois":12,
        "dateNotification":"2024-03-05","datePublicationDonnees":"2024-04-01","montant":{montant},"formePrix":"Unitaire",
        "typesPrix":{{"typePrix":["Définitif ferme"]}},"considerationsSociales":{{"considerationSociale":["Clause sociale"]}},
        "considerationsEnvironnementales":{{"considerationEnvironnementale":["Clause environnementale"]}},
        "marcheInnovant":false,"attributionAvance":true,"tauxAvance":0.3,"ccag":"Travaux","offresRecues":3,
        "sousTraitanceDeclaree":false,"typeGroupementOperateurs":"Pas de groupement","origineUE":0.1,"origineFrance":0.1,
        "titulaires":[{{"titulaire":{{"id":"{holder}","typeIdentifiant":"SIRET"}}}}],
        "modifications":[{{"modification":{{"id":1,"dateNotificationModification":"2024-09-01",
          "datePublicationDonneesModification":"2024-09-15","montant":15000.5,"dureeMois":18}}}}]}}"#
    )
}

fn file(records: &[String]) -> Vec<u8> {
    format!("{{\"marches\":{{\"marche\":[{}],\"contrat-concession\":[]}}}}", records.join(",")).into_bytes()
}

#[tokio::test]
async fn what_publish_writes_is_what_the_pages_read() {
    let site = Site::empty();
    let one = file(&[
        marche("2024-01", "Réfection <de> la voirie", "35600000000048", "12000.25"),
        marche("2024-02", "Lot peinture", "35600000000048", "500"),
        marche("2024-02", "Lot serrurerie", "55210055400013", "700"),
    ]);
    let two = file(&[marche("2024-01", "Réfection de la voirie", "35600000000048", "12000.25")]);
    publish_payloads(site.public(), &[("un", "a.json", one), ("deux", "b.json", two)]);
    assert_eq!(site.get("/readyz").await.code(), 200);
    let home = site.page("/").await;
    assert!(home.text().contains("Lot serrurerie"), "{}", home.text());
    let url = "/marches/213105554000172024-01";
    let page = site.page(url).await;
    assert_eq!(page.code(), 200, "{}", page.text());
    for shown in [
        "15\u{202f}000,50\u{a0}€",
        "12\u{202f}000,25\u{a0}€",
        "18\u{a0}mois",
        "Profil un",
        "Profil deux",
        "https://un.exemple.fr/a.json",
        "Désaccords entre les sources",
        "Procédure adaptée",
        "30\u{a0}%",
    ] {
        assert!(page.text().contains(shown), "{shown} in {}", page.text());
    }
    let several = site.page("/marches/213105554000172024-02").await;
    assert_eq!(several.code(), 300);
    let links: Vec<&str> =
        several.text().split("href=\"").filter(|p| p.starts_with("/marches/213105554000172024-02~7e")).collect();
    assert_eq!(links.len(), 2);
    for link in links {
        let href = link.split('"').next().unwrap();
        assert_eq!(site.page(href).await.code(), 200, "{href}");
    }
    for (query, n) in [("annee=2024", 3), ("cpv=4523", 3), ("acheteur=213105554&titulaire=552100554", 1)] {
        let list = site.page(&format!("/marches?{query}")).await;
        assert_eq!(list.text().matches("<td class=\"object\">").count(), n, "{query}");
    }
    for (accepted, encoding) in [("zstd", "zstd"), ("gzip", "gzip"), ("identity", "")] {
        let file = site.get_with("/latest/decp.json", &[("accept-encoding", accepted)]).await;
        assert_eq!((file.code(), file.header("content-encoding")), (200, encoding));
        assert_eq!(file.header("etag"), format!("\"{}\"", super::fixture::digest(&file.body)));
    }
}
