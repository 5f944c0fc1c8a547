//! `guichet explain UID`: where each field of a contract comes from, what was rejected and why, and
//! what became of every observation of it.
//!
//! The buyer is merged again from a snapshot by the same pure function as ever, so that what is told
//! is what the merge does, also where it has not been run yet. Writes nothing; works beside a daemon.

mod find;
mod model;
mod text;
mod why;

use serde_json::json;

use super::Ended;
use super::args::Explain;
use super::context::{Failure, Opened};
use super::output::Out;
use crate::config;
use crate::daemon::exit::Exit;
use crate::record::Contract;

use find::{Buyer, Match};

pub(super) fn run(opened: &Opened, args: &Explain) -> Ended {
    let Some(snapshot) = opened.snapshot()? else {
        return Err(Failure::usage(format!(
            "`{}` is not known: nothing was harvested yet; `guichet harvest` begins",
            args.uid
        )));
    };
    let siren = find::siren_of(&args.uid).ok_or_else(|| {
        Failure::usage(format!(
            "`{}` is no uid: it begins with the 14 digits of the buyer's SIRET, the contract's id follows",
            args.uid
        ))
    })?;
    let buyer = Buyer::load(opened, &snapshot, siren)?;
    match buyer.find(&args.uid) {
        Match::One(contract) => {
            let stored = snapshot.contract(&contract.uid)?;
            let explained = model::explain(&args.uid, &buyer, contract, stored.as_ref())?;
            let mut out = Out::stdout(args.json);
            if out.is_json() {
                out.json(&explained)?;
            } else {
                text::print(&explained, &mut out)?;
            }
            out.finish()?;
            Ok(Exit::Done)
        }
        Match::Several(contracts) => several(args, &contracts),
        Match::None => Err(unknown(&args.uid, &buyer)),
    }
}

/// One id covers several contracts: which one is for the reader to say.
fn several(args: &Explain, contracts: &[&Contract]) -> Ended {
    let mut out = Out::stdout(args.json);
    if out.is_json() {
        let one = |c: &&Contract| {
            json!({
                "uid": c.uid.as_str(),
                "type": c.record.kind.name(),
                "objet": c.record.objet,
                "montant": c.record.montant.map(|m| m.to_string()),
                "dateNotification": c.record.date_notification.map(|d| d.to_string()),
            })
        };
        out.json(&json!({"asked": args.uid, "candidates": contracts.iter().map(one).collect::<Vec<_>>()}))?;
    } else {
        text::candidates(contracts, &mut out)?;
    }
    out.finish()?;
    Err(Failure::usage(format!("`{}` covers {} contracts: ask for one of them by its uid", args.uid, contracts.len())))
}

fn unknown(uid: &str, buyer: &Buyer) -> Failure {
    let siren = buyer.siren;
    if buyer.is_empty() {
        return Failure::usage(format!("`{uid}` is not known: no source ever said anything of the buyer {siren}"));
    }
    let help = match config::nearest(uid, buyer.contracts().map(|c| c.uid.as_str())) {
        Some(right) => format!("did you mean `{right}`?"),
        None => format!("the buyer {siren} has {} contracts, none under this id", buyer.contracts().count()),
    };
    Failure::usage(format!("`{uid}` is not known: {help}"))
}
