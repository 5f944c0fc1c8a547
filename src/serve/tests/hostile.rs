//! Text that a feed wrote to attack the reader of a page, in every declared field.

use super::fixture::Site;

#[tokio::test]
async fn hostile_text_never_becomes_markup() {
    let attacks = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "<svg/onload=alert(1)>",
        "</title><script>alert(1)</script>",
        "{{7*7}}",
        "{% raw %}",
        "&lt;script&gt;",
        "\u{202e}txt.exe",
        "<!--",
        "]]>",
        "javascript:alert(1)",
        "<a href=javascript:alert(1)>x</a>",
        "\u{0}\u{1}",
        "<iframe srcdoc='<script>'>",
    ];
    let clean = markup(&everywhere("inoffensif").await);
    for attack in attacks {
        assert_eq!(markup(&everywhere(attack).await), clean, "{attack:?} changed the markup");
    }
}

/// Every page with this text in every declared field.
async fn everywhere(text: &str) -> String {
    let site = Site::published();
    let quoted = format!("CAST(x'{}' AS TEXT)", hex::encode(text));
    let sql = "UPDATE contrats SET objet = Q, acheteur_nom = Q, nature = Q, procedure = Q, titulaires = Q, ccag = Q,
          lieuExecution_nom = Q, codeCPV = Q, dateNotification = '2022-01-01', datePublicationDonnees = Q, categorie = Q;
        UPDATE titulaires SET denominationSociale = Q, typeIdentifiant = Q, id = 'T';
        UPDATE sources SET nom = Q, licence = Q, url = Q;
        UPDATE ressources SET titre = Q, url = Q, id = Q;
        UPDATE observations SET published = Q, id = Q, acheteur_id = Q;
        UPDATE acheteurs SET nom = Q;
        UPDATE meta SET valeur = Q WHERE cle = 'region';
        INSERT INTO alias VALUES ('several', 1), ('several', 2);
        INSERT INTO modifications VALUES (1, 1, 1, Q, Q, Q, 1, 1, 1, 0, 1, 0, 0);
        INSERT INTO actes_sous_traitance VALUES (1, 0, 4, Q, Q, Q, 3, Q, Q, 1, Q, 0);
        INSERT INTO donnees_execution VALUES (1, 0, Q, 1);
        INSERT INTO tarifs VALUES (1, 0, 0, Q, 1);
        INSERT INTO conflits VALUES (1, 0, Q, json_array(json_object('value', Q, 'observation', 0)));
        INSERT INTO constats VALUES (1, 0, Q, Q, Q, Q, 0);";
    site.sql("2026-11-24", &sql.replace('Q', &quoted));
    let source = serde_json::json!({"id": "toulouse", "name": text, "url": text, "licence": text,
        "state": text, "last_success": text, "last_error": text});
    let status = serde_json::json!({ "sources": [source] }).to_string();
    std::fs::write(site.public().join("status.json"), status).unwrap();
    let mut all = String::new();
    for path in ["/", "/marches?acheteur=213105554", "/marches/213105554000172022-01", "/marches/several", "/sources"] {
        let answer = site.page(path).await;
        assert!(answer.code() < 400, "{path} {}", answer.code());
        all.push_str(answer.text());
    }
    let query: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    all.push_str(site.page(&format!("/marches?{query}=1")).await.text());
    all.push_str(site.page(&format!("/marches?titulaire={query}")).await.text());
    all
}

/// The tags of a page with the names of their attributes, in order: what data must never change.
fn markup(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for piece in html.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or((piece, ""));
        // Outside quotes an attribute is its name; what is quoted is a value, whatever it holds.
        let bare: String = tag.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        for name in ["href", "src", "action"] {
            let script = format!("{name}=\"javascript:");
            assert!(!tag.to_ascii_lowercase().contains(&script), "{tag}");
        }
        tags.push(bare);
    }
    tags
}
