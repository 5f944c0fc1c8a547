//! One catalogue in its three forms, and what real ones get wrong.

use super::*;

const RDF_XML: &str = r##"<?xml version="1.0" encoding="utf-16"?>
<!DOCTYPE rdf:RDF [<!ENTITY xsd "http://www.w3.org/2001/XMLSchema#">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#"
  xmlns:dct="http://purl.org/dc/terms/" xmlns:spdx="http://spdx.org/rdf/terms#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
  xmlns:hydra="http://www.w3.org/ns/hydra/core#" xml:base="https://a.fr/cat/">
 <dcat:Catalog rdf:about="">
  <dct:title>March&#233;s de R&amp;D</dct:title>
  <dct:license rdf:resource="https://www.etalab.gouv.fr/licence-ouverte"/>
  <dcat:dataset>
   <dcat:Dataset rdf:about="d1">
    <dcat:distribution rdf:resource="#one"/>
    <dcat:distribution>
     <dcat:Distribution dct:title="Deux"><dcat:accessURL>/files/two.xml</dcat:accessURL></dcat:Distribution>
    </dcat:distribution>
   </dcat:Dataset>
  </dcat:dataset>
 </dcat:Catalog>
 <rdf:Description rdf:ID="one">
  <dcat:downloadURL rdf:resource="/files/one.json"/>
  <dcat:accessURL rdf:resource="https://a.fr/page"/>
  <dct:title xml:lang="fr">Un</dct:title>
  <dct:modified rdf:datatype="&xsd;date">2024-05-17</dct:modified>
  <dct:format><dct:MediaTypeOrExtent><rdfs:label>JSON</rdfs:label></dct:MediaTypeOrExtent></dct:format>
  <dcat:byteSize rdf:datatype="&xsd;decimal">12.0</dcat:byteSize>
  <spdx:checksum rdf:parseType="Resource">
   <spdx:algorithm rdf:resource="http://spdx.org/rdf/terms#checksumAlgorithm_sha1"/>
   <spdx:checksumValue>24551462ecbb24b6151a5386b3cd63eedb02e902</spdx:checksumValue>
  </spdx:checksum>
 </rdf:Description>
 <hydra:PagedCollection rdf:about="?page=1"><hydra:nextPage>https://a.fr/cat/?page=2</hydra:nextPage>
  <hydra:totalItems rdf:datatype="&xsd;integer">9</hydra:totalItems></hydra:PagedCollection>
</rdf:RDF>"##;

const TURTLE: &str = r##"@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix spdx: <http://spdx.org/rdf/terms#> . @prefix hydra: <http://www.w3.org/ns/hydra/core#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @base <https://a.fr/cat/> .
<> a dcat:Catalog ; dct:title "Marchés de R&D"@fr ; dct:license <https://www.etalab.gouv.fr/licence-ouverte> ; dcat:dataset <d1> .
<d1> a dcat:Dataset ; dcat:distribution <#one>, [ a dcat:Distribution ; dct:title "Deux" ; dcat:accessURL </files/two.xml> ] .
<#one> dcat:downloadURL </files/one.json> ; dcat:accessURL <https://a.fr/page> ; dct:title "Un" ; dct:modified "2024-05-17" ;
  dct:format [ rdfs:label "JSON" ] ; dcat:byteSize 12.0 ;
  spdx:checksum [ spdx:algorithm spdx:checksumAlgorithm_sha1 ; spdx:checksumValue "24551462ecbb24b6151a5386b3cd63eedb02e902" ] .
<?page=1> a hydra:PartialCollectionView ; hydra:next <?page=2> ; hydra:totalItems 9 .
"##;

const JSON_LD: &str = r##"{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/",
  "spdx": "http://spdx.org/rdf/terms#", "hydra": "http://www.w3.org/ns/hydra/core#", "rdfs": "http://www.w3.org/2000/01/rdf-schema#"},
 "@graph": [
  {"@id": "https://a.fr/cat/", "@type": "dcat:Catalog", "dct:title": "Marchés de R&D",
   "dct:license": {"@id": "https://www.etalab.gouv.fr/licence-ouverte"}, "dcat:dataset": {"@id": "https://a.fr/cat/d1", "@type": "dcat:Dataset",
   "dcat:distribution": [{"@id": "https://a.fr/cat/#one", "dcat:downloadURL": {"@id": "/files/one.json"}, "dcat:accessURL": "https://a.fr/page",
     "dct:title": "Un", "dct:modified": "2024-05-17", "dct:format": {"rdfs:label": "JSON"}, "dcat:byteSize": 12,
     "spdx:checksum": {"spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha1"}, "spdx:checksumValue": "24551462ecbb24b6151a5386b3cd63eedb02e902"}},
    {"@type": "dcat:Distribution", "dct:title": "Deux", "dcat:accessURL": "/files/two.xml"}]}},
  {"@id": "https://a.fr/cat/?page=1", "hydra:next": {"@id": "https://a.fr/cat/?page=2"}, "hydra:totalItems": 9}]}"##;

fn take(text: &str) -> (Catalogue, Option<String>) {
    let from: Url = "https://a.fr/cat/".parse().unwrap();
    let document = syntax::read(text.as_bytes(), &from).unwrap();
    let mut catalogue = Catalogue::default();
    let next = catalogue.take(&document.graph, document.broken, &from);
    (catalogue, next)
}

fn resources(found: Found) -> Vec<Resource> {
    super::super::filter::all(found)
}

#[test]
fn the_three_forms_of_one_catalogue_say_the_same() {
    for (name, text) in [("RDF/XML", RDF_XML), ("Turtle", TURTLE), ("JSON-LD", JSON_LD)] {
        let (catalogue, next) = take(text);
        assert_eq!(next.as_deref(), Some("https://a.fr/cat/?page=2"), "{name}");
        assert_eq!((catalogue.total, catalogue.datasets), (Some(9), 1), "{name}");
        let found = catalogue.found;
        assert_eq!(found.title.as_deref(), Some("Marchés de R&D"), "{name}");
        assert_eq!(found.licence.as_deref(), Some("https://www.etalab.gouv.fr/licence-ouverte"), "{name}");
        assert_eq!((found.incomplete.as_deref(), found.warnings.len()), (None, 0), "{name}");
        let list = resources(found);
        let ids: Vec<_> = list.iter().map(|r| (r.id.as_str(), r.url.as_str(), r.title.as_str())).collect();
        assert_eq!(
            ids,
            [
                ("https://a.fr/cat/#one", "https://a.fr/files/one.json", "Un"),
                ("https://a.fr/files/two.xml", "https://a.fr/files/two.xml", "Deux"),
            ],
            "{name}"
        );
        let one = &list[0];
        assert_eq!((one.format.as_deref(), one.bytes), (Some("json"), Some(12)), "{name}");
        assert_eq!(one.last_modified, Some("2024-05-17T00:00:00Z".parse().unwrap()), "{name}");
        assert_eq!(
            one.checksum.as_ref().unwrap().to_string(),
            "sha1:24551462ecbb24b6151a5386b3cd63eedb02e902",
            "{name}"
        );
    }
}

#[test]
fn a_document_that_breaks_off_gives_what_stands_before_and_says_so() {
    for (name, text) in [("RDF/XML", RDF_XML), ("Turtle", TURTLE)] {
        let cut = text.find("2024-05-17").unwrap();
        let (catalogue, _) = take(&text[..cut]);
        assert!(catalogue.found.incomplete.as_ref().unwrap().contains("broken"), "{name}");
        assert!(catalogue.found.len() >= 1, "{name}");
    }
}

#[test]
fn a_distribution_with_several_addresses_is_several_files_and_one_without_is_none() {
    let text = r#"@prefix dcat: <http://www.w3.org/ns/dcat#> .
      <#a> a dcat:Distribution ; dcat:downloadURL <b.json>, <a.json>, <a.json> ; dcat:byteSize 7 .
      <#b> a dcat:Distribution . [] a dcat:Distribution ; dcat:downloadURL "http://[" ."#;
    let (catalogue, _) = take(text);
    assert_eq!(catalogue.found.warnings.len(), 2);
    let list = resources(catalogue.found);
    let ids: Vec<_> = list.iter().map(|r| (r.id.as_str(), r.bytes)).collect();
    assert_eq!(ids, [("https://a.fr/cat/a.json", None), ("https://a.fr/cat/b.json", None)]);
}

#[test]
fn hostile_rdf_xml_ends_early_and_expands_nothing() {
    let base: Url = "https://a.fr/".parse().unwrap();
    let head =
        r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:d="http://www.w3.org/ns/dcat#">"#;
    let deep = format!("{head}{}", "<d:x>".repeat(100_000));
    assert!(syntax::read(deep.as_bytes(), &base).err().unwrap().contains("deep"));
    let mut many = String::from("<d:x ");
    (0..80_000).for_each(|i| many.push_str(&format!("a{i}='' ")));
    let _ = syntax::read(format!("{head}{many}/></rdf:RDF>").as_bytes(), &base);
    let laughs = format!(
        "<!DOCTYPE x [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY f SYSTEM \"file:///etc/passwd\">]>{head}\
         <d:Distribution><d:downloadURL>https://a.fr/&b;&f;</d:downloadURL></d:Distribution></rdf:RDF>",
        "ha".repeat(1000)
    );
    let document = syntax::read(laughs.as_bytes(), &base).unwrap();
    let node = document.graph.distributions()[0];
    assert_eq!(document.graph.first(node, Predicate::DownloadUrl).unwrap().text(), "https://a.fr/&b;&f;");
}
