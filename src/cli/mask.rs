//! `guichet mask SIRET --reason TEXT`: the name of a natural person masked in every output of this day on.
//!
//! Refuses whoever is a public body, or a company: who buys, has a public SIREN, or a legal category in
//! the register that is no person's.

use std::sync::Arc;

use serde_json::json;

use super::Ended;
use super::args::Mask;
use super::context::{Failure, Opened};
use super::output::{Out, counted};
use crate::daemon::exit::Exit;
use crate::daemon::pipeline::{Pipeline, store_path};
use crate::daemon::publish_run::PublishOptions;
use crate::daemon::{register, removal, replay};
use crate::harvest::NoProgress;
use crate::publish::Published;
use crate::record::{Contract, Holder, Siren, Siret};
use crate::store::{Snapshot, StoreError};

pub(super) fn run(opened: &Opened, args: &Mask) -> Ended {
    let siret = Siret::parse(args.siret.trim()).filter(Siret::has_valid_key).ok_or_else(|| {
        Failure::usage(format!("`{}` is no SIRET: 14 digits whose key is right are expected", args.siret))
    })?;
    let siren = siret.siren();
    refuse_public(opened, &siren)?;
    if args.deciding.dry_run {
        let named = match opened.snapshot()? {
            Some(snapshot) => contracts_naming(&snapshot, &siren)?,
            None => 0,
        };
        return tell(args, named, None);
    }
    let pipeline = Arc::new(replay::open_current(Arc::clone(&opened.config), opened.clock, Arc::new(NoProgress))?);
    pipeline.enter_sources()?;
    pipeline.merge()?;
    let named = contracts_naming(&pipeline.store.snapshot()?, &siren)?;
    removal::decide_mask(&pipeline, siren, &args.deciding.reason)?;
    let published = publish(&pipeline)?;
    super::publish::write_status(&pipeline)?;
    let (_, uploaded) = super::publish::upload(&pipeline)?;
    pipeline.close();
    Ok(tell(args, named, published.as_ref())?.worse(uploaded))
}

/// A new publication, where one stands already; a region that never published need not begin for this.
fn publish(pipeline: &Pipeline) -> Result<Option<Published>, Failure> {
    let stands = crate::publish::Publication::latest(&pipeline.config().public_dir());
    match stands.map_err(crate::daemon::pipeline::RunError::from)? {
        Some(_) => Ok(Some(pipeline.publish(PublishOptions::default())?)),
        None => Ok(None),
    }
}

fn refuse_public(opened: &Opened, siren: &Siren) -> Result<(), Failure> {
    let refuse = |why: &str| {
        Err(Failure::usage(format!(
            "{siren} {why}: only a natural person's name can be masked, a public body's or a company's is public"
        )))
    };
    if siren.as_str().starts_with(['1', '2']) {
        return refuse("has the SIREN of a public body");
    }
    if store_path(&opened.config).exists()
        && let Some(snapshot) = opened.snapshot()?
        && !snapshot.buyer_with_gone(*siren)?.rows.is_empty()
    {
        return refuse("is the buyer of contracts");
    }
    if let Some(register) = register::open(&opened.config)?
        && let Some(unit) = register.unit(siren).map_err(|e| Failure::failed(e.to_string()))?
        && !unit.is_natural_person()
    {
        return refuse("is no natural person in the register");
    }
    Ok(())
}

/// How many contracts name the unit as a holder or a sub-contractor.
fn contracts_naming(snapshot: &Snapshot, siren: &Siren) -> Result<u64, StoreError> {
    let mut named = 0;
    snapshot.contracts(|contract: Contract| {
        let record = &contract.record;
        let later = record.modifications.iter().flat_map(|m| &m.titulaires);
        let acts = record.actes.iter().map(|a| &a.sous_traitant);
        let mut all = record.titulaires.iter().chain(later).chain(acts);
        named += u64::from(all.any(|holder| Holder::siren(holder) == Some(*siren)));
        Ok::<_, StoreError>(())
    })?;
    Ok(named)
}

fn tell(args: &Mask, named: u64, published: Option<&Published>) -> Ended {
    let mut out = Out::stdout(args.deciding.json);
    let made = match published {
        Some(Published::New(outcome)) => Some(outcome.publication.clone()),
        Some(Published::Same { publication }) => Some(publication.clone()),
        None => None,
    };
    if out.is_json() {
        out.json(
            &json!({"siret": args.siret.trim(), "dry_run": args.deciding.dry_run, "contracts": named, "publication": made}),
        )?;
    } else {
        let verb = if args.deciding.dry_run { "would be masked" } else { "masked" };
        out.line(&format!("{}: the name {verb} in {}", args.siret.trim(), counted(named, "contract")))?;
        if let Some(published) = published {
            out.line(&super::publish::told(published))?;
        }
        if !args.deciding.dry_run {
            out.line("older publications stay as they are until their retention ends")?;
        }
    }
    out.finish()?;
    Ok(Exit::Done)
}
