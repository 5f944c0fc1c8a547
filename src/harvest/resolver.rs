//! The system's resolver behind the address guard.
//!
//! In: a name, and the port that its client is for. Out: the addresses that may be talked to; a name
//! that has none is refused with the rule that says so. Runs when the connection is made, so that a
//! name cannot change its mind between a check and its use.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::{self, AllowList};
use super::outside::Names;

/// The system's resolver, minus the addresses that the guard refuses for this client's port. A name
/// that has public and private ones keeps the public ones.
pub(super) struct GuardedResolver {
    pub(super) port: u16,
    pub(super) allow: Arc<AllowList>,
    /// Asked in the place of the system's resolver.
    pub(super) names: Option<Arc<dyn Names>>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (port, allow) = (self.port, Arc::clone(&self.allow));
        let scripted = self.names.as_ref().map(|names| names.addresses(name.as_str()));
        Box::pin(async move {
            let kept = match scripted {
                Some(found) => {
                    let found = found.await?;
                    keep_allowed(found.into_iter().map(|ip| SocketAddr::new(ip, port)), port, &allow)?
                }
                None => keep_allowed(tokio::net::lookup_host((name.as_str(), port)).await?, port, &allow)?,
            };
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

fn keep_allowed(
    found: impl Iterator<Item = SocketAddr>,
    port: u16,
    allow: &AllowList,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let mut refused = None;
    let mut kept = Vec::new();
    for address in found {
        match guard::allowed(address.ip(), port, allow) {
            Ok(()) => kept.push(address),
            Err(refusal) => refused = Some(refusal),
        }
    }
    match (kept.is_empty(), refused) {
        (false, _) => Ok(kept),
        (true, Some(refusal)) => Err(Box::new(refusal)),
        (true, None) => Err("the name has no address".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::guard::Refusal;
    use super::*;

    #[test]
    fn a_name_keeps_its_public_addresses_and_loses_the_private_ones() {
        let of = |list: &[&str]| {
            let found = list.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 443));
            keep_allowed(found, 443, &AllowList::default()).map(|kept| kept.len())
        };
        assert_eq!(of(&["127.0.0.1", "1.1.1.1", "10.0.0.1", "2606:4700::1111"]).unwrap(), 2);
        let refused = of(&["127.0.0.1", "::1"]).unwrap_err();
        assert!(refused.is::<Refusal>());
        assert!(of(&[]).is_err());
    }
}
