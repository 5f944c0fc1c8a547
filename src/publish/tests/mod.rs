//! Tests of the room as a whole: from contracts to a publication, read back by other means.

pub(super) mod generate;
mod journal;
mod readers;
mod registered;
mod room;
mod signed;

use std::path::Path;

use uuid::Uuid;

use super::*;
use crate::record::{Contract, Day};

/// What every test publication is made with; each test changes what it is about.
pub(super) struct Case {
    pub contracts: Box<dyn Iterator<Item = Contract>>,
    pub day: Day,
    pub next_seq: u64,
    pub redacted: u64,
    pub options: Options,
    pub force: bool,
    pub licence: &'static str,
    pub quarantine: Vec<QuarantineRecord>,
    pub seats: Seats<'static>,
}

impl Case {
    pub fn new(public: &Path, contracts: impl IntoIterator<Item = Contract, IntoIter: 'static>) -> Self {
        Self {
            contracts: Box::new(contracts.into_iter()),
            day: Day::from_ymd(2026, 11, 24).unwrap(),
            next_seq: 1,
            redacted: 0,
            options: Options::new(public),
            force: false,
            licence: "etalab-2.0",
            quarantine: Vec::new(),
            seats: &reference_seat,
        }
    }
    pub fn publish(self) -> Result<Published, PublishError> {
        let source = |n: u32| SourceRow {
            id: format!("source-{n:02}"),
            name: format!("Source n° {n}"),
            url: format!("https://exemple.fr/{n}"),
            licence: self.licence.to_owned(),
            format: "auto".to_owned(),
            authority: "platform".to_owned(),
            max_shrink: None,
        };
        let resources = (0..20).flat_map(|n| {
            (0..7).map(move |r| ResourceRow {
                source: format!("source-{n:02}"),
                id: format!("fichier-{r}"),
                url: format!("https://exemple.fr/{n}/{r},\"a\".json"),
                title: Some(format!("Fichier {r}")),
            })
        });
        let quality = Quality {
            sources: vec![SourceQuality {
                source: "source-00".to_owned(),
                received: 3,
                accepted: 2,
                repeats: 1,
                ..SourceQuality::default()
            }],
            ..Quality::default()
        };
        let input = Input {
            contracts: Box::new(self.contracts.map(Ok)),
            sources: (0..20).rev().map(source).collect(),
            resources: resources.collect(),
            quality,
            quarantine: Box::new(self.quarantine.into_iter().map(Ok)),
            seats: self.seats,
            day: self.day,
            created: "2026-11-24T05:30:00Z".parse().unwrap(),
            epoch: Uuid::from_u128(7),
            next_seq: self.next_seq,
            region: Some("Occitanie".to_owned()),
            redacted: self.redacted,
            forget: self.redacted > 0,
            removed: &|uid| uid.ends_with("REDACTED"),
        };
        write(input, &self.options, self.force)
    }
    /// Publishes; it must give a new publication.
    pub fn outcome(self) -> Outcome {
        match self.publish().unwrap() {
            Published::New(outcome) => *outcome,
            Published::Same { publication } => panic!("nothing new since {publication}"),
        }
    }
}
