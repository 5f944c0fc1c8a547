//! One source's turn in a harvest: its resources listed, each fetched, decoded and made current; what the
//! list no longer names, gone.
//!
//! A resource that fails leaves its last good payload standing and its source degraded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use tracing::warn;

use super::clock::Clock;
use super::harvest_end::Closing;
use super::harvest_report::SourceReport;
use super::harvest_run::blocking;
use super::ingest::{Ingest, IngestError, Ingested, Payload};
use super::pipeline::{Pipeline, RunError, Settings, day_in};
use super::rewrite::{self, Cleaned, Judge};
use super::shutdown::Stop;
use crate::config::Source;
use crate::harvest::{self, Entry as LogEntry, Fetched, Previous, Resource, Seen, SourceAccess};
use crate::record::Day;
use crate::store::{Known, KnownRecords, ResourceRow, ResourceSeen, Validators};

/// A source's turn.
pub(super) struct SourceRun {
    pipeline: Arc<Pipeline>,
    settings: Arc<Settings>,
    source: Arc<Source>,
    n: i64,
    before: Vec<ResourceRow>,
    known: Option<KnownRecords>,
    report: SourceReport,
    force: bool,
}

impl SourceRun {
    /// A turn of the source with this number; `before`: its resources as they stood.
    pub(super) fn new(
        pipeline: Arc<Pipeline>,
        settings: Arc<Settings>,
        source: Arc<Source>,
        (n, before): (i64, Vec<ResourceRow>),
        force: bool,
    ) -> Self {
        let report = SourceReport { id: source.id.clone(), ..SourceReport::default() };
        Self { pipeline, settings, source, n, before, known: None, report, force }
    }

    /// The source cannot even be asked.
    pub(super) fn failed_at_all(&mut self, error: impl ToString) {
        self.report.fail(error);
    }

    /// Lists the source's resources and takes them one after the other. A fault of the source is noted,
    /// one of ours ends the run.
    pub(super) async fn all(&mut self, access: &SourceAccess, stop: &Stop) -> Result<(), RunError> {
        let harvester = Arc::clone(&self.settings.harvester);
        let listing = match harvester.list(access, self.clock().now()).await {
            Ok(listing) => listing,
            Err(error) => {
                self.report.fail(error);
                return Ok(());
            }
        };
        self.report.listed = listing.resources.len();
        for warning in &listing.warnings {
            warn!(source.id = %self.source.id, "source {}: {warning}", self.source.id);
        }
        for resource in &listing.resources {
            if stop.is_asked() {
                self.report.stopped = true;
                self.report.fail("stopped before its end: the rest is asked for at the next run");
                return Ok(());
            }
            self.resource(access, resource).await?;
        }
        match listing.incomplete {
            Some(why) => self.report.fail(format!("the catalogue's list is incomplete: {why}")),
            None => self.delist(&listing.resources).await?,
        }
        Ok(())
    }

    fn clock(&self) -> Clock {
        self.pipeline.clock
    }

    fn day(&self, at: Timestamp) -> Day {
        day_in(&self.settings.config, at)
    }

    fn before(&self, id: &str) -> Option<&ResourceRow> {
        self.before.iter().find(|r| r.id == id)
    }

    /// Fetches one resource and makes it current. A fault of the resource is noted, one of ours ends the run.
    async fn resource(&mut self, access: &SourceAccess, resource: &Resource) -> Result<(), RunError> {
        let now = self.clock().now();
        let before = self.before(&resource.id).cloned();
        let full = self.force || before.as_ref().is_none_or(|b| self.full_fetch_is_due(b, now));
        if !full
            && let Some(b) = &before
            && unchanged_by_checksum(b, resource)
        {
            return self.unchanged(resource, b, None, false).await;
        }
        let previous = before.as_ref().and_then(previous);
        let harvester = Arc::clone(&self.settings.harvester);
        let fetched = harvester.fetch(access, resource, previous.as_ref(), &self.pipeline.archive, full, now).await;
        match (fetched, &before) {
            (Ok(Fetched::NotModified { validators }), Some(b)) => {
                self.unchanged(resource, b, Some(validators), false).await
            }
            (Ok(Fetched::Same { validators, .. }), Some(b)) => {
                self.unchanged(resource, b, Some(validators), full).await
            }
            (Ok(Fetched::Payload(payload)), _) => self.payload(resource, payload, full).await,
            (Ok(_), None) => self.failed(resource, "the server said `not modified` to a first request").await,
            (Err(error), _) => self.failed(resource, error).await,
        }
    }

    fn full_fetch_is_due(&self, before: &ResourceRow, now: Timestamp) -> bool {
        let days = i64::from(self.settings.config.harvest.force_refresh_days);
        before.state != "complete" || before.full_fetch.is_none_or(|last| self.day(now).days_since(last) >= days)
    }

    fn seen(
        &self,
        resource: &Resource,
        validators: Option<harvest::Validators>,
        full_fetch: bool,
        last_modified: Option<Timestamp>,
    ) -> ResourceSeen {
        let named =
            self.source.resource_date.as_ref().and_then(|d| d.find(&resource.title).or_else(|| d.find(&resource.url)));
        let dated = resource.last_modified.or(last_modified).map(|at| self.day(at));
        ResourceSeen {
            source: self.n,
            id: resource.id.clone(),
            url: harvest::ShownUrl::of_text(&resource.url).as_str().to_owned(),
            title: resource.title.clone(),
            resource_date: named.or(dated),
            day: self.day(self.clock().now()),
            checksum: resource.checksum.as_ref().map(ToString::to_string),
            validators: validators.map(|v| Validators { etag: v.etag, last_modified: v.last_modified }),
            full_fetch,
        }
    }

    async fn unchanged(
        &mut self,
        resource: &Resource,
        before: &ResourceRow,
        validators: Option<harvest::Validators>,
        full: bool,
    ) -> Result<(), RunError> {
        // Validators vouch for a complete payload only: a cut one is asked for whole again.
        let whole = before.state == "complete";
        let mut seen = self.seen(resource, validators.filter(|_| whole), full, None);
        seen.checksum = seen.checksum.filter(|_| whole);
        // The date belongs to the payload: the same payload keeps the one it came with.
        seen.resource_date = before.resource_date;
        self.log(resource, Seen::Unchanged).await?;
        let store = self.pipeline.store.clone();
        blocking("note an unchanged resource", move || store.unchanged(seen)).await??;
        self.report.unchanged += 1;
        if before.state == "partial" {
            self.report.fail(before.error.clone().unwrap_or_else(|| "its document is cut".to_owned()));
        }
        Ok(())
    }

    async fn failed(&mut self, resource: &Resource, error: impl ToString) -> Result<(), RunError> {
        let error = error.to_string();
        warn!(source.id = %self.source.id, resource.id = %resource.id, "source {}: {error}", self.source.id);
        let (store, seen) = (self.pipeline.store.clone(), self.seen(resource, None, false, None));
        let told = error.clone();
        blocking("note a failed resource", move || store.resource_failed(seen, told)).await??;
        self.report.failed += 1;
        self.report.fail(error);
        Ok(())
    }

    async fn log(&self, resource: &Resource, seen: Seen) -> Result<(), RunError> {
        let entry =
            LogEntry { at: self.clock().now(), source: self.source.id.clone(), resource: resource.id.clone(), seen };
        let archive = self.pipeline.archive.clone();
        blocking("write the archive's log", move || archive.append(&[entry])).await??;
        Ok(())
    }

    async fn payload(&mut self, resource: &Resource, payload: harvest::Payload, full: bool) -> Result<(), RunError> {
        crash_point!("harvest.fetched");
        let payload = match self.without_removed(payload).await? {
            Some(payload) => payload,
            None => {
                let what = "it holds a removed record and cannot be rewritten without it: the last good payload stands";
                return self.failed(resource, format!("resource `{}`: {what}", resource.title)).await;
            }
        };
        // Without what was removed it may be what stands already.
        if let Some(before) = self.before(&resource.id).cloned()
            && before.sha256.as_deref() == Some(payload.sha256.to_string().as_str())
        {
            return self.unchanged(resource, &before, Some(payload.validators), full).await;
        }
        let seen = self.seen(resource, Some(payload.validators.clone()), full, payload.last_modified);
        let known = self.take_known().await?;
        let before = self.before(&resource.id).cloned();
        let job = Decode {
            pipeline: Arc::clone(&self.pipeline),
            settings: Arc::clone(&self.settings),
            source: Arc::clone(&self.source),
            resource: resource.id.clone(),
            before,
            at: self.clock().now(),
        };
        let permit = Arc::clone(&self.pipeline.decoders).acquire_owned().await;
        let (known, done) = blocking("decode a payload", move || {
            let _permit = permit;
            let mut known = known;
            let done = job.run(seen, &payload, &mut known);
            (known, done)
        })
        .await?;
        self.known = Some(known);
        match done {
            Ok(done) => {
                self.ingested(done);
                Ok(())
            }
            Err(IngestError::Store(error)) => Err(error.into()),
            Err(IngestError::Log(error)) => Err(error.into()),
            Err(error) => self.failed(resource, format!("resource `{}`: {error}", resource.title)).await,
        }
    }

    /// The payload as it may be kept: without what was removed, and the one that held it erased before
    /// anything names it. `None`: nothing of it may be kept.
    async fn without_removed(&mut self, payload: harvest::Payload) -> Result<Option<harvest::Payload>, RunError> {
        let decisions = self.pipeline.decisions.load_full();
        if decisions.redacts_nothing() {
            return Ok(Some(payload));
        }
        let known = self.take_known().await?;
        let (archive, day) = (self.pipeline.archive.clone(), self.day(self.clock().now()));
        let split = super::ingest::reading(Some(&self.source), self.settings.config.harvest.max_ratio);
        let name = payload.sha256;
        let (known, cleaned) = blocking("look for removed records", move || {
            let mut judge = Judge::new(&decisions, day);
            let cleaned = rewrite::clean(&archive, &name, &split, &mut |slice| {
                // What stands in the store was judged when the decision was carried out.
                let stands = matches!(known.get(slice.hash()), Some(Known::Observation(_) | Known::Gathered(_)));
                !stands && judge.removes(slice)
            });
            if !matches!(cleaned, Ok(Cleaned::AsItWas)) {
                archive.erase(&name)?;
            }
            Ok::<_, RunError>((known, cleaned?))
        })
        .await??;
        self.known = Some(known);
        Ok(match cleaned {
            Cleaned::AsItWas => Some(payload),
            Cleaned::Now { sha256, bytes, .. } => Some(harvest::Payload { sha256, bytes, ..payload }),
            Cleaned::Gone => None,
        })
    }

    async fn take_known(&mut self) -> Result<KnownRecords, RunError> {
        if let Some(known) = self.known.take() {
            return Ok(known);
        }
        let (store, n) = (self.pipeline.store.clone(), self.n);
        Ok(blocking("read what a source said before", move || store.snapshot()?.known_records(n)).await??)
    }

    fn ingested(&mut self, done: Ingested) {
        let report = &mut self.report;
        report.fetched += 1;
        report.received += done.received;
        report.new += done.new;
        report.quarantined += done.quarantined;
        if let Some(why) = done.partial {
            report.fail(why);
        }
    }

    /// What the complete list of a full source no longer names has gone, unless so much has gone
    /// that the list itself must be doubted.
    async fn delist(&mut self, listed: &[Resource]) -> Result<(), RunError> {
        let gone: Vec<ResourceRow> =
            self.before.iter().filter(|b| !listed.iter().any(|l| l.id == b.id)).cloned().collect();
        if gone.is_empty() || self.source.snapshot != crate::config::Snapshot::Full {
            return Ok(());
        }
        let total: u64 = self.before.iter().map(|b| b.records).sum();
        let lost: u64 = gone.iter().filter(|g| g.state != "delisted").map(|g| g.records).sum();
        if lost as f64 > total as f64 * self.source.max_shrink {
            self.report.fail(format!(
                "the catalogue no longer lists {} resources that hold {lost} of {total} records: more than `max_shrink`, so they stand",
                gone.len()
            ));
            return Ok(());
        }
        let (at, day) = (self.clock().now(), self.day(self.clock().now()));
        let (store, archive, source) =
            (self.pipeline.store.clone(), self.pipeline.archive.clone(), self.source.id.clone());
        blocking("note resources that vanished", move || {
            for row in gone {
                archive.append(&[LogEntry {
                    at,
                    source: source.clone(),
                    resource: row.id.clone(),
                    seen: Seen::Delisted,
                }])?;
                store.delisted(row.n, day)?;
            }
            Ok::<_, RunError>(())
        })
        .await?
    }

    /// The end of the turn, not written yet.
    pub(super) fn close(self) -> Closing {
        let Self { pipeline, source, n, report, .. } = self;
        Closing { pipeline, source, n, report }
    }
}

struct Decode {
    pipeline: Arc<Pipeline>,
    settings: Arc<Settings>,
    source: Arc<Source>,
    resource: String,
    before: Option<ResourceRow>,
    at: Timestamp,
}

impl Decode {
    fn run(
        &self,
        seen: ResourceSeen,
        payload: &harvest::Payload,
        known: &mut KnownRecords,
    ) -> Result<Ingested, IngestError> {
        let input = self.pipeline.archive.read(&payload.sha256)?;
        let ingest = Ingest {
            store: &self.pipeline.store,
            next_id: &self.pipeline.next_id,
            region: &self.settings.config.region,
            register: self.pipeline.register.as_deref(),
        };
        let log = |whole| {
            let seen = Seen::Payload {
                url: seen.url.clone(),
                title: Some(seen.title.clone()),
                resource_date: seen.resource_date,
                sha256: payload.sha256,
                bytes: payload.bytes,
                whole,
            };
            let entry = LogEntry { at: self.at, source: self.source.id.clone(), resource: self.resource.clone(), seen };
            Ok(self.pipeline.archive.append(&[entry])?)
        };
        let piece = Payload {
            seen: seen.clone(),
            sha256: payload.sha256.to_string(),
            bytes: payload.bytes,
            before: self.before.as_ref(),
            split: super::ingest::reading(Some(&self.source), self.settings.config.harvest.max_ratio),
            full_snapshot: self.source.snapshot == crate::config::Snapshot::Full,
            max_shrink: self.source.max_shrink,
            min_records: self.source.min_records.unwrap_or(0),
        };
        let done = ingest.payload(piece, input, known, log)?;
        tracing::debug!(source.id = %self.source.id, next_id = self.pipeline.next_id.load(Ordering::Relaxed), "payload decoded");
        Ok(done)
    }
}

fn previous(row: &ResourceRow) -> Option<Previous> {
    Some(Previous {
        validators: harvest::Validators {
            etag: row.validators.etag.clone(),
            last_modified: row.validators.last_modified.clone(),
        },
        sha256: row.sha256.as_ref()?.parse().ok()?,
        bytes: row.bytes?,
    })
}

fn unchanged_by_checksum(row: &ResourceRow, resource: &Resource) -> bool {
    let before = row.checksum.as_ref().and_then(|c| c.parse().ok());
    row.sha256.is_some() && before.is_some_and(|b| resource.same_as(&b))
}
