//! `guichet explain UID`: where each field of a contract comes from, what was rejected and why, and
//! what became of every observation of it, what operators decided, and its history.
//!
//! With `--as-of DATE`: the same function over the observations that were current on that day.
//! The buyer is merged again from a snapshot by the same pure function as ever, so that what is told
//! is what the merge does, also where it has not been run yet. Writes nothing; works beside a daemon.

mod decided;
mod find;
mod history;
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
use crate::daemon::pipeline;
use crate::record::{Contract, Day};

use find::{Buyer, Match};
use model::Stored;

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
    let today = pipeline::day_in(&opened.config, opened.clock.now());
    if let Some(day) = args.as_of.filter(|day| *day > today) {
        return Err(Failure::usage(format!("--as-of {day} lies ahead: today is {today}")));
    }
    let buyer = Buyer::load(opened, &snapshot, siren, args.as_of)?;
    let on = args.as_of.unwrap_or(today);
    match buyer.find(&args.uid) {
        Match::One(contract) => {
            let stored = match args.as_of {
                Some(_) => Stored::NotAsked,
                None => Stored::As(snapshot.contract(&contract.uid)?.map(Box::new)),
            };
            one(args, &model::explain(&args.uid, &buyer, contract, &stored, on)?)
        }
        Match::Several(contracts) => several(args, &contracts),
        Match::None if args.as_of.is_some() => {
            let now = Buyer::load(opened, &snapshot, siren, None)?;
            before(args, &buyer, &now, on)
        }
        Match::None => Err(unknown(&args.uid, &buyer)),
    }
}

fn one(args: &Explain, explained: &model::Explained) -> Ended {
    let mut out = Out::stdout(args.json);
    if out.is_json() {
        out.json(explained)?;
    } else {
        text::print(explained, &mut out)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// A name that was none on that day: what the contract of today was made of is looked for then.
fn before(args: &Explain, then: &Buyer, now: &Buyer, on: Day) -> Ended {
    let contract = match now.find(&args.uid) {
        Match::One(contract) => contract,
        Match::Several(contracts) => return several(args, &contracts),
        Match::None => return Err(unknown(&args.uid, now)),
    };
    match then.descended(now, contract).as_slice() {
        [one_then] => one(args, &model::explain(&args.uid, then, one_then, &Stored::NotAsked, on)?),
        [] => Err(Failure::usage(format!(
            "`{}` was not known on {on}: `guichet explain {}` says since when",
            args.uid, contract.uid
        ))),
        several_then => several(args, several_then),
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
    if let Some(placed) = buyer.exclusion(uid) {
        let d = &placed.decision;
        return Failure::usage(format!(
            "`{uid}` is excluded: {}, decided on {} by {} ({})",
            d.why,
            d.when,
            d.who,
            placed.place()
        ));
    }
    if buyer.is_empty() {
        return Failure::usage(format!("`{uid}` is not known: no source ever said anything of the buyer {siren}"));
    }
    let help = match config::nearest(uid, buyer.contracts().map(|c| c.uid.as_str())) {
        Some(right) => format!("did you mean `{right}`?"),
        None => format!("the buyer {siren} has {} contracts, none under this id", buyer.contracts().count()),
    };
    Failure::usage(format!("`{uid}` is not known: {help}"))
}
