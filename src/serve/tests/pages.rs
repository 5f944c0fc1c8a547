//! Pages: languages, lists, one contract and the ways to it, sources, files.

use super::fixture::Site;

#[tokio::test]
async fn the_home_page_shows_the_figures_and_leaves_aberrant_amounts_out() {
    let site = Site::published();
    let answer = site.page("/").await;
    let text = answer.text();
    assert_eq!((answer.code(), answer.header("content-language")), (200, "fr"));
    for shown in [
        "Occitanie",
        "21\u{202f}235\u{a0}€",
        "il y a 2\u{a0}h",
        "Concession de plage",
        "Travaux de voirie",
        "1\u{202f}234,56\u{a0}€",
        "plus d’un milliard",
        "/latest/decp.json",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(!text.contains("<script") && !text.contains("style="), "no script, no inline style");
}

#[tokio::test]
async fn a_page_is_in_the_language_asked_for_and_its_links_keep_it() {
    let site = Site::published();
    let english = site.get_with("/", &[("accept-language", "en-GB,en;q=0.9")]).await;
    assert!(english.text().contains("<html lang=\"en\">") && english.text().contains("€1,234.56"));
    assert_eq!(english.header("vary"), "Accept-Language");
    let chosen = site.get_with("/?lang=en", &[("accept-language", "fr")]).await;
    assert!(chosen.text().contains("<html lang=\"en\">"));
    assert!(chosen.text().contains("href=\"/marches?lang=en\""));
    let french = site.get_with("/?lang=fr", &[("accept-language", "en")]).await;
    assert!(french.text().contains("<html lang=\"fr\">"));
    assert_eq!(site.get("/?lang=xx").await.header("content-language"), "fr");
}

#[tokio::test]
async fn an_unchanged_page_is_answered_304() {
    let site = Site::published();
    let first = site.page("/marches").await;
    let again = site.get_with("/marches", &[("if-none-match", first.header("etag"))]).await;
    assert_eq!((again.code(), again.body.len()), (304, 0));
    site.write_dump("2026-11-25", &[]);
    site.sql("2026-11-25", "UPDATE contrats SET objet = 'Autre' WHERE n = 1");
    site.point_latest_at("2026-11-25");
    let changed = site.get_with("/marches", &[("if-none-match", first.header("etag"))]).await;
    assert_eq!(changed.code(), 200);
}

#[tokio::test]
async fn the_list_is_filtered_by_field_and_refuses_what_it_does_not_know() {
    let site = Site::published();
    for (query, shown, hidden) in [
        ("type=concession", "Concession de plage", "Travaux de voirie"),
        ("annee=2022", "Travaux de voirie", "Concession de plage"),
        ("acheteur=213105554&cpv=45&departement=31", "Travaux de voirie", "Aucun contrat"),
        ("acheteur=21310555400017", "Travaux de voirie", "Aucun contrat"),
        ("titulaire=356000000", "Travaux de voirie", "Aucun contrat"),
        ("cpv=45233141", "Aucun contrat", "Travaux de voirie"),
        ("acheteur=999999999", "Aucun contrat", "Travaux de voirie"),
        ("cpv=&annee=&lang=fr", "Travaux de voirie", "Aucun contrat"),
    ] {
        let answer = site.page(&format!("/marches?{query}")).await;
        assert_eq!(answer.code(), 200, "{query}");
        assert!(answer.text().contains(shown) && !answer.text().contains(hidden), "{query}");
    }
    for query in ["offset=10", "q=voirie", "limit=1000000000", "annee=20x4", "type=x", "cpv=1&cpv=2", "%00=1"] {
        let answer = site.get(&format!("/marches?{query}")).await;
        assert_eq!(answer.code(), 400, "{query}");
        assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn pages_of_the_list_follow_each_other_without_gap_or_repeat() {
    let site = Site::published();
    // Many contracts of one day, and some without a date, so that the tie-break counts.
    site.sql(
        "2026-11-24",
        "INSERT INTO contrats (n, uid, type, retire, seul2019, id, acheteur_id, acheteur_siren, objet, dateNotification)
         WITH RECURSIVE i(k) AS (SELECT 10 UNION ALL SELECT k + 1 FROM i WHERE k < 60)
         SELECT k, '9' || k, 'marche', 0, 0, k, '9', '9', 'objet-' || k || '-', CASE WHEN k < 50 THEN '2024-01-01' END FROM i;",
    );
    let (mut path, mut seen) = ("/marches?limit=7".to_owned(), Vec::new());
    for _ in 0..20 {
        let answer = site.page(&path).await;
        assert_eq!(answer.code(), 200, "{path}");
        let text = answer.text();
        seen.extend(text.match_indices("objet-").map(|(at, _)| text[at + 6..at + 8].to_owned()));
        let Some(at) = text.find("rel=\"next\" href=\"") else {
            break;
        };
        let rest = &text[at + 17..];
        path = rest[..rest.find('"').unwrap()].replace("&#38;", "&");
    }
    let wanted: Vec<String> = (10..=60).map(|k| k.to_string()).collect();
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn a_contract_is_found_under_every_name_that_it_has() {
    let site = Site::published();
    site.sql(
        "2026-11-24",
        "INSERT INTO alias VALUES ('213105554000259999', 1), ('21310555400017R7', 2), ('21310555400017R7', 3);",
    );
    let url = "/marches/213105554000172022~2f02~20~c3~a9~7eab12cd34";
    let page = site.page(url).await;
    assert_eq!(page.code(), 200);
    assert!(page.text().contains("Fournitures") && page.text().contains("Ville de Toulouse"));
    for other in ["213105554000172022%2F02%20%C3%A9~ab12cd34", "213105554000172022~2F02~20~C3~A9~7eab12cd34"] {
        let answer = site.page(&format!("/marches/{other}")).await;
        assert_eq!((answer.code(), answer.header("location")), (308, url), "{other}");
    }
    let moved = site.page("/marches/213105554000259999").await;
    assert_eq!((moved.code(), moved.header("location")), (302, "/marches/213105554000172022-01"));
    let english = site.page("/marches/213105554000259999?lang=en").await;
    assert_eq!(english.header("location"), "/marches/213105554000172022-01?lang=en");
    let several = site.page("/marches/21310555400017R7").await;
    assert_eq!(several.code(), 300);
    assert!(several.text().contains(url) && several.text().contains("/marches/21310555400017C1"));
    for none in ["21310555400017", "x", "~zz", "%ff", "..%2f..%2fetc", "'%20OR%201=1--"] {
        assert_eq!(site.page(&format!("/marches/{none}")).await.code(), 404, "{none}");
    }
}

#[tokio::test]
async fn a_contract_tells_its_history_its_sources_and_their_disagreements() {
    let site = Site::published();
    site.sql(
        "2026-11-24",
        r#"UPDATE contrats SET montantActuel = 1500, dureeMoisActuelle = 18, marcheInnovant = 1, tauxAvance = 0.3,
             retire = 1, provenance = '{"objet":1,"montant":0}' WHERE n = 1;
           INSERT INTO sources VALUES (2,'region','Région','javascript:alert(1)','lov2','decp-xml','platform',1,1);
           INSERT INTO ressources VALUES (2,2,'r2','javascript:alert(2)','fichier <2>');
           INSERT INTO observations VALUES (1, 1, 2, 2, 3, '21310555400025', '9999', NULL);
           INSERT INTO titulaires VALUES (1, 1, 0, 'TVA', 'DE123', NULL, 'Nouvelle GmbH', 1);
           INSERT INTO modifications VALUES (1, 1, 1, 'Avenant de prolongation', '2022-09-01', '2022-09-15', 18, 1500, 18, 0, 1500, 1, 1);
           INSERT INTO actes_sous_traitance VALUES (1, 0, 4, 'SIRET', '35600000000049', 'Sous & Cie', 3, '2022-05-01', NULL, 300.5, 'Ferme', 0);
           INSERT INTO modifications_actes VALUES (1, 0, 4, 5, '2022-06-01', NULL, 400, 0);
           INSERT INTO donnees_execution VALUES (1, 0, '2023-01-01', 1000);
           INSERT INTO tarifs VALUES (1, 0, 0, 'Plein tarif', 12.5);
           INSERT INTO conflits VALUES (1, 0, 'objet', '[{"value":"Gagnant","observation":1},{"value":{"a":1},"observation":0}]');
           INSERT INTO constats VALUES (1, 0, 'montant-suspect', 'montant', '1e17', 'error', 0);
           INSERT INTO alias VALUES ('213105554000259999', 1);"#,
    );
    let answer = site.page("/marches/213105554000172022-01").await;
    let text = answer.text();
    assert_eq!(answer.code(), 200, "{text}");
    for shown in [
        "Avenant de prolongation",
        "Nouvelle GmbH",
        "1\u{202f}500\u{a0}€",
        "18\u{a0}mois",
        "30\u{a0}%",
        "oui",
        "Sous &#38; Cie",
        "300,50\u{a0}€",
        "Plein tarif",
        "12,50\u{a0}€",
        "Gagnant",
        "montant-suspect",
        "inutilisable",
        "213105554000259999",
        "plus aucune source",
        "etalab-2.0",
        "[2]",
        "fichier &#60;2&#62;",
        "href=\"https://data.exemple.fr/decp/2022.json\"",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(!text.contains("href=\"javascript"));
    let list = site.page("/marches").await;
    assert!(!list.text().contains("213105554000172022-01"), "withdrawn: out of the default list");
}

#[tokio::test]
async fn sources_show_their_health_and_what_they_gave() {
    let site = Site::published();
    let unknown = site.page("/sources").await;
    assert!(unknown.text().contains("n’est pas publié ici") && unknown.text().contains("Ville de Toulouse"));
    std::fs::write(
        site.public().join("status.json"),
        r#"{"sources":[
          {"id":"toulouse","name":"Toulouse","state":"degraded","url":"https://x.fr/","last_success":"2026-11-23T08:00:00Z",
           "consecutive_failures":2,"last_error":"503 <Service>","records":{"received":12345,"accepted":12000,"quarantined":5,"out_of_region":340}},
          {"id":"neuve","state":"disabled"}]}"#,
    )
    .unwrap();
    let answer = site.page("/sources").await;
    for shown in
        ["dégradée", "12\u{202f}345", "503 &#60;Service&#62;", "il y a 24\u{a0}h", "désactivée", "neuve", "jamais"]
    {
        assert!(answer.text().contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn the_data_pages_list_the_files_with_size_and_digest() {
    let site = Site::empty();
    site.publish("2026-11-24", &[("decp.csv", b"a\n"), ("decp.csv.gz", b"zz")]);
    for path in ["/donnees", "/latest/", "/dumps/2026-11-24/"] {
        let answer = site.page(path).await;
        let text = answer.text();
        assert_eq!(answer.code(), 200, "{path}");
        assert!(text.contains("decp.csv.gz") && text.contains(&super::fixture::digest(b"a\n")[..16]), "{path}");
    }
    let dumps = site.page("/dumps/").await;
    assert!(dumps.text().contains("href=\"/dumps/2026-11-24/\""));
    for (path, to) in [("/latest", "/latest/"), ("/dumps", "/dumps/"), ("/dumps/2026-11-24", "/dumps/2026-11-24/")] {
        let answer = site.page(path).await;
        assert_eq!((answer.code(), answer.header("location")), (308, to));
    }
}

#[tokio::test]
async fn the_style_sheet_of_this_version_is_kept_for_ever() {
    let site = Site::published();
    let home = site.page("/").await;
    let at = home.text().find("/style.css?v=").unwrap();
    let href = home.text()[at..].split('"').next().unwrap();
    let style = site.get(href).await;
    assert_eq!((style.code(), style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(style.header("cache-control").contains("immutable"));
    assert!(!site.get("/style.css").await.header("cache-control").contains("immutable"));
    assert_eq!(site.get("/favicon.svg").await.code(), 200);
    assert!(site.get("/robots.txt").await.text().starts_with("User-agent: *"));
}
