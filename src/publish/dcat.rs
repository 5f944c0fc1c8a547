//! catalog.jsonld and catalog.ttl: the publication as DCAT-AP 3 describes data, so that data portals
//! harvest it. One graph, two syntaxes.
//!
//! In: the files and what is known of them. Out: two files. Every identifier stays the same from one
//! publication to the next: links lead to `latest/`. Without `base_url` they are relative to the host.

use std::path::Path;

use oxrdf::vocab::{rdf, xsd};
use oxrdf::{GraphNameRef, Literal, NamedNode, QuadRef, Term, Triple};
use rusqlite::{Connection, OpenFlags};

use super::consumer_db::CONSUMER_DB;
use super::error::PublishError;
use super::manifest::FileEntry;
use super::{journal_files, lisezmoi, media_type};
use crate::record::Day;

/// The graph in JSON-LD.
pub(super) const JSONLD: &str = "catalog.jsonld";
/// The graph in Turtle.
pub(super) const TURTLE: &str = "catalog.ttl";

/// Prefixes of both files.
const PREFIXES: [(&str, &str); 8] = [
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dcatap", "http://data.europa.eu/r5r/"),
    ("dct", "http://purl.org/dc/terms/"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("spdx", "http://spdx.org/rdf/terms#"),
    ("vcard", "http://www.w3.org/2006/vcard/ns#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

const LICENCE: &str = "https://www.etalab.gouv.fr/licence-ouverte-open-licence";
const EU: &str = "http://publications.europa.eu/resource/authority";

/// What the catalogue says besides the files.
pub(super) struct About<'a> {
    /// Where the folder `public/` is seen, ending in `/`.
    pub(super) base: Option<&'a str>,
    /// Name of the region.
    pub(super) region: Option<&'a str>,
    /// Day of the publication.
    pub(super) day: Day,
    /// When it was made, RFC 3339.
    pub(super) created: &'a str,
    /// First and last day on which a contract was notified.
    pub(super) period: Option<(String, String)>,
}

/// First and last notification in guichet.sqlite; slips of the declaring buyers, before 1990 or after the
/// publication, left out.
pub(super) fn period(dir: &Path, day: Day) -> Result<Option<(String, String)>, PublishError> {
    let path = dir.join(CONSUMER_DB);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sql = "SELECT min(coalesce(dateNotification, '')), max(coalesce(dateNotification, '')) FROM contrats
               WHERE retire = 0 AND coalesce(dateNotification, '') BETWEEN '1990-01-01' AND ?1";
    let read = || -> rusqlite::Result<(Option<String>, Option<String>)> {
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.query_row(sql, [day.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let (first, last) = read().map_err(PublishError::database(&path))?;
    Ok(first.zip(last))
}

/// The texts of both files, by name.
pub(super) fn write(about: &About<'_>, files: &[FileEntry]) -> std::io::Result<[(&'static str, Vec<u8>); 2]> {
    let mut graph = Graph { base: about.base.unwrap_or("/"), triples: Vec::new() };
    graph.describe(about, files);
    let mut turtle = oxttl::TurtleSerializer::new();
    let mut jsonld = oxjsonld::JsonLdSerializer::new();
    for (prefix, iri) in PREFIXES {
        turtle = turtle.with_prefix(prefix, iri).map_err(std::io::Error::other)?;
        jsonld = jsonld.with_prefix(prefix, iri).map_err(std::io::Error::other)?;
    }
    let (mut turtle, mut jsonld) = (turtle.for_writer(Vec::new()), jsonld.for_writer(Vec::new()));
    for triple in &graph.triples {
        turtle.serialize_triple(triple)?;
        let (s, p, o) = (&triple.subject, &triple.predicate, &triple.object);
        jsonld.serialize_quad(QuadRef::new(s, p, o, GraphNameRef::DefaultGraph))?;
    }
    Ok([(JSONLD, jsonld.finish()?), (TURTLE, turtle.finish()?)])
}

struct Graph<'a> {
    base: &'a str,
    triples: Vec<Triple>,
}

/// A name with one of [`PREFIXES`], else an IRI as it is.
fn iri(name: &str) -> NamedNode {
    let expanded = name.split_once(':').and_then(|(prefix, rest)| {
        let (_, start) = PREFIXES.iter().find(|(p, _)| *p == prefix)?;
        Some(format!("{start}{rest}"))
    });
    // Relative where there is no base: resolved against where the file was fetched.
    NamedNode::new_unchecked(expanded.unwrap_or_else(|| name.to_owned()))
}

fn french(text: &str) -> Term {
    Literal::new_language_tagged_literal_unchecked(text, "fr").into()
}

fn english(text: &str) -> Term {
    Literal::new_language_tagged_literal_unchecked(text, "en").into()
}

fn typed(text: impl Into<String>, datatype: impl Into<NamedNode>) -> Term {
    Literal::new_typed_literal(text, datatype).into()
}

impl Graph<'_> {
    /// A thing that the catalogue itself names.
    fn own(&self, fragment: &str) -> NamedNode {
        iri(&format!("{}{JSONLD}#{fragment}", self.base))
    }
    fn at(&self, path: &str) -> NamedNode {
        iri(&format!("{}{path}", self.base))
    }
    fn a(&mut self, subject: &NamedNode, class: &str) {
        self.add(Triple::new(subject.clone(), rdf::TYPE.into_owned(), iri(class)));
    }
    fn put(&mut self, subject: &NamedNode, predicate: &str, object: impl Into<Term>) {
        self.add(Triple::new(subject.clone(), iri(predicate), object));
    }
    /// A graph says nothing twice; it is small.
    fn add(&mut self, triple: Triple) {
        if !self.triples.contains(&triple) {
            self.triples.push(triple);
        }
    }
    /// A thing that others define, with the class that a validator wants to know.
    fn known(&mut self, subject: &NamedNode, predicate: &str, object: &str, class: &str) {
        let object = iri(object);
        self.put(subject, predicate, object.clone());
        self.a(&object, class);
    }

    fn describe(&mut self, about: &About<'_>, files: &[FileEntry]) {
        let catalogue = self.own("catalogue");
        let place = about.region.map(|region| format!(" : {region}")).unwrap_or_default();
        self.a(&catalogue, "dcat:Catalog");
        self.put(&catalogue, "dct:title", french(&format!("Marchés publics et concessions{place}")));
        self.put(&catalogue, "dct:title", english(&format!("Public contracts and concessions{place}")));
        self.put(&catalogue, "dct:description", french("Données essentielles de la commande publique, rassemblées de nombreuses plateformes, dédoublonnées, avec l'origine de chaque valeur."));
        self.common(&catalogue, about);
        self.put(&catalogue, "foaf:homepage", self.at(""));
        let home = self.at("");
        self.a(&home, "foaf:Document");
        self.publisher(&place);
        self.data(
            about,
            "contrats",
            (
                &format!("Marchés publics et concessions{place}, état du jour"),
                "Chaque contrat une fois, dans les formats officiels, en tableaux et en entier, avec l'origine de chaque valeur.",
            ),
            files.iter().filter(|f| is_data(&f.name) && !journal_files::is_journal(&f.name)),
        );
        self.data(
            about,
            "suivi",
            (
                &format!("Marchés publics et concessions{place}, changements et qualité"),
                "Ce qui a changé de jour en jour, quand chaque source a montré chaque contrat, et la qualité de ce que publient sources et acheteurs.",
            ),
            files.iter().filter(|f| is_data(&f.name) && journal_files::is_journal(&f.name)),
        );
        self.service(&place);
    }

    /// What catalogue and datasets say alike.
    fn common(&mut self, subject: &NamedNode, about: &About<'_>) {
        self.put(subject, "dct:publisher", self.own("editeur"));
        self.known(subject, "dct:license", LICENCE, "dct:LicenseDocument");
        self.known(subject, "dct:language", &format!("{EU}/language/FRA"), "dct:LinguisticSystem");
        self.put(subject, "dct:modified", typed(about.created, xsd::DATE_TIME));
        self.known(subject, "dct:spatial", &format!("{EU}/country/FRA"), "dct:Location");
        if let Some(region) = about.region {
            let place = self.own("region");
            self.put(subject, "dct:spatial", place.clone());
            self.a(&place, "dct:Location");
            self.put(&place, "skos:prefLabel", french(region));
        }
    }

    fn publisher(&mut self, place: &str) {
        let publisher = self.own("editeur");
        self.a(&publisher, "foaf:Agent");
        self.put(&publisher, "foaf:name", french(&format!("Guichet des marchés publics{place}")));
    }

    fn data<'f>(
        &mut self,
        about: &About<'_>,
        name: &str,
        (title, description): (&str, &str),
        files: impl Iterator<Item = &'f FileEntry>,
    ) {
        let (catalogue, dataset) = (self.own("catalogue"), self.own(name));
        self.put(&catalogue, "dcat:dataset", dataset.clone());
        self.a(&dataset, "dcat:Dataset");
        self.put(&dataset, "dct:identifier", typed(dataset.as_str(), xsd::ANY_URI));
        self.put(&dataset, "dct:title", french(title));
        self.put(&dataset, "dct:description", french(description));
        self.common(&dataset, about);
        self.known(&dataset, "dcat:theme", &format!("{EU}/data-theme/GOVE"), "skos:Concept");
        let theme = iri(&format!("{EU}/data-theme/GOVE"));
        self.put(&theme, "skos:prefLabel", french("Gouvernement et secteur public"));
        self.known(&dataset, "dct:accrualPeriodicity", &format!("{EU}/frequency/DAILY"), "dct:Frequency");
        self.known(&dataset, "dct:accessRights", &format!("{EU}/access-right/PUBLIC"), "dct:RightsStatement");
        for word in ["marchés publics", "concessions", "commande publique", "DECP"] {
            self.put(&dataset, "dcat:keyword", french(word));
        }
        let page = self.at("latest/LISEZMOI.md");
        self.put(&dataset, "foaf:page", page.clone());
        self.a(&page, "foaf:Document");
        self.put(&dataset, "dcat:landingPage", self.at("donnees"));
        let landing = self.at("donnees");
        self.a(&landing, "foaf:Document");
        if let Some((first, last)) = &about.period {
            let period = self.own("periode");
            self.put(&dataset, "dct:temporal", period.clone());
            self.a(&period, "dct:PeriodOfTime");
            self.put(&period, "dcat:startDate", typed(first, xsd::DATE));
            self.put(&period, "dcat:endDate", typed(last, xsd::DATE));
        }
        for file in files {
            self.distribution(about, &dataset, file);
        }
    }

    fn distribution(&mut self, about: &About<'_>, dataset: &NamedNode, file: &FileEntry) {
        let one = self.own(&file.name);
        let link = self.at(&format!("latest/{}", file.name));
        self.put(dataset, "dcat:distribution", one.clone());
        self.a(&one, "dcat:Distribution");
        self.put(&one, "dct:title", french(&file.name));
        self.put(&one, "dct:description", french(lisezmoi::about(&file.name)));
        self.put(&one, "dcat:accessURL", link.clone());
        self.put(&one, "dcat:downloadURL", link.clone());
        self.put(&one, "dcat:byteSize", typed(file.bytes.to_string(), xsd::NON_NEGATIVE_INTEGER));
        self.put(&one, "dct:modified", typed(about.created, xsd::DATE_TIME));
        self.put(&one, "dct:issued", typed(about.day.to_string(), xsd::DATE));
        self.known(&one, "dct:license", LICENCE, "dct:LicenseDocument");
        let stable = format!("{EU}/planned-availability/STABLE");
        self.known(&one, "dcatap:availability", &stable, "skos:Concept");
        self.put(&iri(&stable), "skos:prefLabel", french("stable"));
        if let Some(media) = media_type::registered(&file.name) {
            let media = format!("https://www.iana.org/assignments/media-types/{media}");
            self.known(&one, "dcat:mediaType", &media, "dct:MediaType");
        }
        if let Some(format) = file_type(&file.name) {
            self.known(&one, "dct:format", &format!("{EU}/file-type/{format}"), "dct:MediaTypeOrExtent");
        }
        let sum = self.own(&format!("{}.sha256", file.name));
        self.put(&one, "spdx:checksum", sum.clone());
        self.a(&sum, "spdx:Checksum");
        self.known(&sum, "spdx:algorithm", "spdx:checksumAlgorithm_sha256", "spdx:ChecksumAlgorithm");
        self.put(&sum, "spdx:checksumValue", typed(&file.sha256, xsd::HEX_BINARY));
    }

    fn service(&mut self, place: &str) {
        let (catalogue, service) = (self.own("catalogue"), self.own("api"));
        self.put(&catalogue, "dcat:service", service.clone());
        self.a(&service, "dcat:DataService");
        self.put(&service, "dct:title", french(&format!("Suivi des changements{place}")));
        self.put(
            &service,
            "dct:description",
            french("Ce qui a changé depuis un numéro, pour tenir une copie à jour : /api/v1/changes?since="),
        );
        self.put(&service, "dct:publisher", self.own("editeur"));
        self.known(&service, "dct:license", LICENCE, "dct:LicenseDocument");
        self.known(&service, "dct:accessRights", &format!("{EU}/access-right/PUBLIC"), "dct:RightsStatement");
        self.put(&service, "dcat:endpointURL", self.at("api/v1/changes"));
        self.put(&service, "dcat:servesDataset", self.own("contrats"));
    }
}

/// Whether a file is data, in its plain form.
fn is_data(name: &str) -> bool {
    let packed = name.ends_with(".gz") || name.ends_with(".zst");
    let about = [lisezmoi::LISEZMOI, super::datapackage::DATAPACKAGE, super::signature::PUBLIC_KEY];
    !packed && !about.contains(&name)
}

/// What a file is in the table of the European portal.
fn file_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "csv" => Some("CSV"),
        "json" => Some("JSON"),
        "xml" => Some("XML"),
        "html" => Some("HTML"),
        "xlsx" => Some("XLSX"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(base: Option<&str>) -> [(&'static str, Vec<u8>); 2] {
        let file = |name: &str| FileEntry { name: name.into(), sha256: "ab".repeat(32), bytes: 7, rows: Some(1) };
        let day = Day::from_ymd(2026, 11, 24).unwrap();
        let period = Some(("2019-01-02".to_owned(), "2026-11-20".to_owned()));
        let about = About { base, region: Some("Occitanie"), day, created: "2026-11-24T05:30:00Z", period };
        let names = ["decp.csv", "decp.csv.gz", "changes.ndjson", "LISEZMOI.md", "minisign.pub"];
        write(&about, &names.map(file)).unwrap()
    }

    #[test]
    fn both_syntaxes_say_the_same_and_every_link_is_below_the_base() {
        let [(_, jsonld), (_, turtle)] = written(Some("https://marches.exemple.fr/"));
        let mut a: Vec<Triple> = oxttl::TurtleParser::new().for_slice(&turtle).map(Result::unwrap).collect();
        let mut b: Vec<Triple> = oxjsonld::JsonLdParser::new().for_slice(&jsonld).map(|q| q.unwrap().into()).collect();
        a.sort_by_key(ToString::to_string);
        b.sort_by_key(ToString::to_string);
        assert!(a == b);
        a.dedup();
        assert_eq!(a.len(), b.len(), "nothing is said twice");
        let links: Vec<String> =
            a.iter().filter(|t| t.predicate == iri("dcat:downloadURL")).map(|t| t.object.to_string()).collect();
        let below = |name: &str| format!("<https://marches.exemple.fr/latest/{name}>");
        assert_eq!(links, [below("changes.ndjson"), below("decp.csv")]);
    }

    #[test]
    fn without_a_base_the_links_are_those_of_the_host_that_gives_the_file() {
        let [(_, jsonld), _] = written(None);
        let parser = oxjsonld::JsonLdParser::new().with_base_iri("http://127.0.0.1:8310/catalog.jsonld").unwrap();
        let found: Vec<_> = parser.for_slice(&jsonld).map(Result::unwrap).collect();
        let link = found.iter().find(|q| q.predicate == iri("dcat:downloadURL")).unwrap();
        assert_eq!(link.object.to_string(), "<http://127.0.0.1:8310/latest/decp.csv>");
    }
}
