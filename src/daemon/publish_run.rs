//! Publishing: one snapshot of the store → the files of a publication, and the store's note of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use uuid::Uuid;

use super::pipeline::{Pipeline, RunError, day_in};
use crate::config::Config;
use crate::publish::{
    self, BuyerCounts, Input, Options, Published, Quality, ReadError, ResourceRow, SigningKey, SourceQuality, SourceRow,
};
use crate::record::{Contract, Field, Siren};
use crate::store::{PublicationRow, Snapshot, StoreError};

/// Contracts on their way from the store to the writers: enough to even out, little memory.
const AHEAD: usize = 512;

/// What an operator may ask of a publication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublishOptions {
    /// Write one even when nothing changed.
    pub force: bool,
    /// Accept a fall that the gate would refuse.
    pub accept_shrink: bool,
}

impl Pipeline {
    /// Writes a publication, unless nothing changed since the last. Blocks: for blocking threads.
    ///
    /// # Errors
    /// A gate that refuses ([`publish::PublishError::is_refusal`]), a disk fault; what was published stays.
    pub fn publish(&self, ask: PublishOptions) -> Result<Published, RunError> {
        let began = std::time::Instant::now();
        let result = self.publish_now(ask);
        match &result {
            Err(RunError::Publish(e)) if e.is_refusal() => self.meters.refused(),
            Ok(Published::New(_)) => self.meters.published(began.elapsed()),
            _ => {}
        }
        result
    }

    fn publish_now(&self, ask: PublishOptions) -> Result<Published, RunError> {
        let config = self.config();
        let snapshot = self.store.snapshot()?;
        let state_version = snapshot.state_version()?;
        let fingerprint = self.publishing_fingerprint(&config);
        if !ask.force
            && let Some(name) = unchanged(&config, &snapshot, state_version, &fingerprint)?
        {
            return Ok(Published::Same { publication: name });
        }
        let decisions = self.decisions.load_full();
        let public = config.public_dir();
        let last = match publish::Publication::latest(&public)? {
            Some(last) => Some(last),
            None => publish::Publication::withdrawn_last(&public)?,
        };
        let since = last.and_then(|p| p.manifest.created.parse().ok());
        let signing_key = signing_key(&config)?;
        let epoch = self.store.epoch(Uuid::new_v4().to_string())?;
        let created = self.clock.now();
        let day = day_in(&config, created);
        let register = self.register.as_deref();
        let seats = |unit: &Siren| {
            let seat = publish::seat(unit, register)?;
            Ok(if decisions.masks(unit) { Some(seat.unwrap_or_default().masked()) } else { seat })
        };
        let removed = |uid: &str| decisions.removes_uid(uid);
        let input = Input {
            contracts: contracts(self.store.snapshot()?),
            sources: sources(&config, &snapshot)?,
            resources: resources(&snapshot)?,
            quality: quality(&snapshot)?,
            quarantine: super::quarantine::for_publication(self.config(), self.store.snapshot()?, self.archive.clone()),
            seats: &seats,
            day,
            created,
            epoch: epoch
                .id
                .parse()
                .map_err(|_| StoreError::Damaged { what: "the epoch".into(), why: "it is no UUID".into() })?,
            next_seq: epoch.next_seq,
            region: config.region.name().map(str::to_owned),
            redacted: since.map_or(0, |then| decisions.removals_since(then)),
            forget: since.is_some_and(|then| decisions.any_since(then)),
            removed: &removed,
        };
        drop(snapshot);
        let options = Options { signing_key, ..options(&config, &fingerprint, ask) };
        let published = publish::write(input, &options, ask.force)?;
        let row = match &published {
            Published::New(outcome) => PublicationRow {
                name: outcome.publication.clone(),
                day,
                created: created.to_string(),
                state_version,
                fingerprint,
                first_seq: outcome.first_seq,
                last_seq: outcome.last_seq,
            },
            // It shows this state already: noted, so that the next look is cheap.
            Published::Same { publication } => match publish::Publication::latest(&config.public_dir())? {
                Some(last) => PublicationRow {
                    name: publication.clone(),
                    day,
                    created: last.manifest.created,
                    state_version,
                    fingerprint,
                    first_seq: last.manifest.first_seq,
                    last_seq: last.manifest.last_seq,
                },
                None => return Ok(published),
            },
        };
        crash_point!("publish.before-note");
        self.store.published(row)?;
        crash_point!("publish.noted");
        Ok(published)
    }

    /// Whether the store holds something that the last publication does not show.
    ///
    /// # Errors
    /// A disk fault.
    pub fn changed_since_publication(&self) -> Result<bool, RunError> {
        let config = self.config();
        let snapshot = self.store.snapshot()?;
        let version = snapshot.state_version()?;
        Ok(unchanged(&config, &snapshot, version, &self.publishing_fingerprint(&config))?.is_none())
    }

    /// All but the contracts that decides what a publication says.
    fn publishing_fingerprint(&self, config: &Config) -> String {
        let digest = super::register::digest(self.register.as_deref());
        format!("{}{digest}{}", config.publishing_fingerprint(), self.decisions.load().masks_digest())
    }
}

/// The key that signs, read anew each time: it may have been replaced.
fn signing_key(config: &Config) -> Result<Option<Arc<SigningKey>>, RunError> {
    let Some(credential) = &config.publish.signing_key else { return Ok(None) };
    let setting = |e: &dyn std::fmt::Display| RunError::Setting(format!("[publish] signing_key: {e}"));
    let secret = credential.read(&crate::config::ProcessEnv).map_err(|e| setting(&e))?;
    SigningKey::parse(secret.expose()).map(|key| Some(Arc::new(key))).map_err(|e| setting(&e))
}

fn unchanged(
    config: &Config,
    snapshot: &Snapshot,
    state_version: u64,
    fingerprint: &str,
) -> Result<Option<String>, RunError> {
    let last =
        snapshot.last_publication()?.filter(|p| p.state_version == state_version && p.fingerprint == fingerprint);
    let Some(last) = last else { return Ok(None) };
    let stands = publish::Publication::latest(&config.public_dir())?.is_some_and(|p| p.name == last.name);
    Ok(stands.then_some(last.name))
}

fn options(config: &Config, fingerprint: &str, ask: PublishOptions) -> Options {
    let p = &config.publish;
    Options {
        public: config.public_dir(),
        formats: p.formats.clone(),
        compress: p.compress,
        max_drop: p.max_drop,
        max_shrink: crate::config::MAX_SHRINK,
        accept_shrink: ask.accept_shrink,
        keep_daily: p.keep_daily as usize,
        keep_monthly: p.keep_monthly as usize,
        configuration: fingerprint.to_owned(),
        base_url: p.base_url.as_ref().map(ToString::to_string),
        signing_key: None,
    }
}

/// Contracts in uid order, read and decoded by a thread of their own.
fn contracts(snapshot: Snapshot) -> Box<dyn Iterator<Item = Result<Contract, ReadError>>> {
    let (out, items) = sync_channel::<Result<Contract, ReadError>>(AHEAD);
    let body = move || {
        enum End {
            Stopped,
            Store(StoreError),
        }
        impl From<StoreError> for End {
            fn from(e: StoreError) -> Self {
                Self::Store(e)
            }
        }
        let end = snapshot.contracts(|contract| out.send(Ok(contract)).map_err(|_| End::Stopped));
        if let Err(End::Store(error)) = end {
            let _ = out.send(Err(error.into()));
        }
    };
    match std::thread::Builder::new().name("contracts".into()).spawn(body) {
        Ok(_) => Box::new(items.into_iter()),
        Err(error) => Box::new(std::iter::once(Err(error.into()))),
    }
}

fn sources(config: &Config, snapshot: &Snapshot) -> Result<Vec<SourceRow>, StoreError> {
    let states = snapshot.sources()?;
    Ok(states
        .into_iter()
        .map(|s| {
            let stanza = config.sources.get(&s.source.id);
            SourceRow {
                max_shrink: stanza.map(|x| x.max_shrink),
                format: stanza.map_or_else(|| "auto".to_owned(), |x| x.format.word().to_owned()),
                id: s.source.id,
                name: s.source.name,
                url: s.source.url,
                licence: s.source.licence,
                authority: s.source.authority,
            }
        })
        .collect())
}

fn resources(snapshot: &Snapshot) -> Result<Vec<ResourceRow>, StoreError> {
    let names: BTreeMap<i64, String> = snapshot.sources()?.into_iter().map(|s| (s.source.n, s.source.id)).collect();
    let rows = snapshot.resources(None)?.into_iter().filter_map(|r| {
        let source = names.get(&r.source)?.clone();
        Some(ResourceRow { source, id: r.id, url: r.url, title: Some(r.title) })
    });
    Ok(rows.collect())
}

/// The counts of quality.json that only the store knows; what is found in contracts the publication
/// counts as it reads them.
fn quality(snapshot: &Snapshot) -> Result<Quality, StoreError> {
    let names = |m: &BTreeMap<Field, u64>| m.iter().map(|(f, n)| (f.name().to_owned(), *n)).collect();
    let counts = snapshot.counts()?;
    let states = snapshot.sources()?;
    let sources = states.iter().map(|s| {
        let c = counts.get(&s.source.n).cloned().unwrap_or_default();
        SourceQuality {
            source: s.source.id.clone(),
            received: c.records.received,
            accepted: c.records.accepted,
            superseded: c.records.superseded,
            repeats: c.records.repeats,
            quarantined: c.records.quarantined,
            out_of_region: c.records.out_of_region,
            repaired: c.records.repaired,
            missing: names(&c.missing),
            ..SourceQuality::default()
        }
    });
    let sources = sources.collect();
    let silent: BTreeSet<i64> = states
        .iter()
        .filter(|s| !crate::config::licence_allows_republication(&s.source.licence))
        .map(|s| s.source.n)
        .collect();
    let mut buyers = Vec::new();
    snapshot.buyer_counts(&silent, |b| {
        buyers.push(BuyerCounts {
            buyer: b.siren,
            accepted: b.accepted,
            repaired: b.repaired,
            missing: b.missing.into_iter().map(|(f, n)| (f, u32::try_from(n).unwrap_or(u32::MAX))).collect(),
        });
    })?;
    let gone = snapshot.gone_but_speaking()?;
    let gone = gone.into_iter().map(|(s, r, at, buyer, id)| (s, r, at, buyer.to_string(), id.to_string())).collect();
    Ok(Quality { sources, buyers, gone })
}

/// Runs a publication on a blocking thread.
///
/// # Errors
/// As [`Pipeline::publish`].
pub async fn publish(pipeline: &Arc<Pipeline>, ask: PublishOptions) -> Result<Published, RunError> {
    let pipeline = Arc::clone(pipeline);
    super::harvest_run::blocking("publish", move || pipeline.publish(ask)).await?
}
