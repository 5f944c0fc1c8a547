//! quality.json, quality.html and quarantine.ndjson of a publication, against a count by hand.

use serde_json::{Value, json};

use crate::journey::Profile;
use crate::setup::{Region, document, marche, stanza, text};

fn titled(id: &str, objet: &str) -> Value {
    let mut m = marche(id, 90_000, "2024-03-15");
    m["objet"] = objet.into();
    m
}

/// Two sources that may be published and one that may not; the second night one record has gone.
fn published() -> (Region, Profile) {
    let (region, profile) = (Region::new(), Profile::start());
    let secret = stanza("secret", &profile.url("secret.json")).replace("etalab-2.0", "unknown");
    let albi = stanza("albi", &profile.url("albi.json")) + "max_shrink = \"50%\"\n";
    region.sources(&(albi + &stanza("tarn", &profile.url("tarn.json")) + &secret));
    let mut negative = titled("2024-03", "Achat de mobilier");
    negative["montant"] = (-5).into();
    let mut late = titled("2024-04", "Nettoyage des écoles");
    late["datePublicationDonnees"] = "2024-09-01".into();
    late["codeCPV"] = "90911200-8".into();
    let mut nameless = titled("x", "Sans <b>numéro</b>");
    nameless.as_object_mut().unwrap().remove("id");
    let clean = marche("2024-01", 120_000, "2024-03-15");
    // Two fillers in one record: one rule, broken twice.
    let mut fillers = titled("2024-05", "Balayage <script>alert(1)</script> & co");
    fillers["ccag"] = "NC".into();
    fillers["offresRecues"] = "NC".into();
    let mut gone = titled("2024-06", "Ce qui part");
    gone["montant"] = 1.into();
    let first = [clean.clone(), negative.clone(), late.clone(), clean.clone(), nameless.clone(), gone];
    profile.put("albi.json", document(&first));
    profile.put("tarn.json", document(&[fillers]));
    let mut hidden = titled("2024-99", "Ne doit pas paraître");
    hidden["montant"] = (-7).into();
    profile.put("secret.json", document(&[hidden, json!({"objet": "Secret sans acheteur"})]));
    region.guichet().args(["-q", "harvest"]).assert().code(0);
    profile.put("albi.json", document(&first[..5]));
    let mut command = region.guichet();
    command.env("GUICHET_NOW", "2026-11-25T03:00:00Z").args(["-q", "harvest"]).assert().code(0);
    let mut command = region.guichet();
    command.env("GUICHET_NOW", "2026-11-25T05:00:00Z").args(["-q", "publish"]).assert().code(0);
    (region, profile)
}

fn file(region: &Region, name: &str) -> String {
    std::fs::read_to_string(region.path("var/public/latest").join(name)).unwrap()
}

#[test]
fn the_counts_are_those_of_a_hand_and_cover_accepted_records_only() {
    let (region, _profile) = published();
    let quality: Value = serde_json::from_str(&file(&region, "quality.json")).unwrap();
    let of = |id: &str| quality["sources"].as_array().unwrap().iter().find(|s| s["source"] == id).unwrap().clone();
    // Received: clean, negative, late, clean again, nameless. The one that left is in no payload any more.
    let albi = of("albi");
    assert_eq!(
        albi,
        json!({
            "source": "albi", "received": 5, "accepted": 3, "superseded": 0, "repeats": 1, "quarantined": 1,
            "out_of_region": 0, "repaired": 1, "late": 1,
            "missing": {"montant": 1},
            "rules": {"amount-negative": 1, "required-missing": 1, "publication-late": 1, "cpv-check-digit": 1},
            "checked": 3, "clean": 1, "doubtful": 1, "faulty": 1, "score": 37
        }),
        "3 points of 8: one clean, one doubtful, one faulty, one in quarantine"
    );
    let tarn = of("tarn");
    assert_eq!(
        tarn["rules"],
        json!({"placeholder": 1, "required-missing": 1, "text-markup": 1}),
        "a record that breaks a rule twice counts once"
    );
    assert_eq!(tarn["missing"], json!({"ccag": 1, "offresRecues": 1}));
    let secret = of("secret");
    assert_eq!((&secret["received"], &secret["checked"], &secret["rules"]), (&2.into(), &0.into(), &json!({})));
    let buyers = quality["buyers"].as_array().unwrap();
    assert_eq!(buyers.len(), 1, "{buyers:?}");
    assert_eq!(
        (&buyers[0]["buyer"], &buyers[0]["accepted"], &buyers[0]["checked"]),
        (&"213105554".into(), &4.into(), &4.into())
    );
    assert_eq!((&buyers[0]["late"], &buyers[0]["rules"]["required-missing"]), (&1.into(), &2.into()), "{buyers:?}");
    assert!(buyers[0]["rules"].get("amount-tiny").is_none(), "the one that left is not judged");
    // The same numbers from the lines of contrats.ndjson.
    let mut records = std::collections::BTreeMap::<String, std::collections::BTreeSet<(String, u64)>>::new();
    for line in file(&region, "contrats.ndjson").lines() {
        let contract: Value = serde_json::from_str(line).unwrap();
        for f in contract["findings"].as_array().into_iter().flatten() {
            let at = f["observation"].as_u64().unwrap();
            let place = &contract["observations"][at as usize];
            if place["source"] == "albi" && place["position"] != 5 {
                let uid = contract["uid"].as_str().unwrap().to_owned();
                records.entry(f["code"].as_str().unwrap().to_owned()).or_default().insert((uid, at));
            }
        }
    }
    let counted: std::collections::BTreeMap<_, _> = records.iter().map(|(code, r)| (code.as_str(), r.len())).collect();
    assert_eq!(json!(counted), albi["rules"]);
}

#[test]
fn the_page_tells_the_worst_first_what_to_do_and_runs_nothing() {
    let (region, _profile) = published();
    let page = file(&region, "quality.html");
    for part in [
        "Que faire",
        "What to do",
        "213105554000172024-03",
        "amount-negative",
        "Profil albi",
        "1 en quarantaine",
        "&#60;script&#62;alert(1)&#60;/script&#62;",
        "lang=\"en\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["<script", "javascript:", "http://", "https://", "Ne doit pas paraître", "2024-99", "src=", "url("] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.find("Erreur</span>").unwrap() < page.find("Redressé</span>").unwrap(), "the gravest first");
    let (albi, tarn) = (page.find("id=\"s-albi\"").unwrap(), page.find("id=\"s-tarn\"").unwrap());
    assert!(albi < tarn, "albi has more to mend");
}

#[test]
fn the_quarantine_is_published_with_its_text_but_not_that_of_an_unknown_licence() {
    let (region, _profile) = published();
    let lines = file(&region, "quarantine.ndjson");
    let all: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(all.len(), 1, "{lines}");
    let one = &all[0];
    assert_eq!((&one["source"], &one["position"], &one["reason"]), (&"albi".into(), &4.into(), &"id-missing".into()));
    assert_eq!((&one["first_seen"], &one["truncated"]), (&"2026-11-24".into(), &false.into()));
    assert!(one["raw"].as_str().unwrap().contains("Sans <b>numéro</b>") && !lines.contains("Secret"));
    let manifest: Value = serde_json::from_str(&file(&region, "manifest.json")).unwrap();
    let entry = |name: &str| manifest["files"].as_array().unwrap().iter().find(|f| f["name"] == name).cloned();
    assert_eq!(entry("quarantine.ndjson").unwrap()["rows"], 1);
    let sums = file(&region, "SHA256SUMS");
    for name in ["quality.json", "quality.html", "quarantine.ndjson"] {
        let sha256 = entry(name).unwrap()["sha256"].as_str().unwrap().to_owned();
        assert!(sums.contains(&format!("{sha256}  {name}")), "{name}");
    }
    let out = region.guichet().args(["check"]).assert().code(0).get_output().clone();
    assert!(text(&out.stderr).contains("unknown"), "the licence is warned of");
}
