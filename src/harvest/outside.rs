//! What the harvest takes from the machine it runs on: who resolves names, and whom TLS trusts.
//!
//! By default the system's resolver and certificates. A test puts its own in their place, so that a name that
//! changes its mind, a network that stays silent and an expired certificate need neither a network nor
//! a change of the machine. The address guard stands behind either.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// The addresses of a name, or why there are none.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who resolves names.
pub trait Names: Send + Sync {
    /// Asks for the addresses of `name`; called at each new connection.
    fn addresses(&self, name: &str) -> Addresses;
}

/// See the file's head.
#[derive(Clone, Default)]
pub struct Outside {
    /// `None`: the system's resolver.
    pub names: Option<Arc<dyn Names>>,
    /// DER certificates that are trusted in the place of this machine's; `None`: this machine's.
    pub roots: Option<Vec<Vec<u8>>>,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own = |set: bool| if set { "scripted" } else { "the system's" };
        write!(f, "names: {}, certificates: {}", own(self.names.is_some()), own(self.roots.is_some()))
    }
}
