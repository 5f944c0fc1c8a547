//! Lists of addresses in guichet.toml: private hosts, proxies, networks.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::diagnostic::Diagnostic;
use super::read::{Fault, Located, Reader};
use super::settings::PrivateHost;

/// Parses each entry of a list; the bad ones are reported and left out.
pub(super) fn each<T>(
    table: &Reader<'_>,
    list: Vec<Located<String>>,
    parse: impl Fn(&str) -> Result<T, Fault>,
) -> Vec<T> {
    let mut good = Vec::new();
    for entry in list {
        match parse(&entry.value) {
            Ok(value) => good.push(value),
            Err(Fault(what, help)) => {
                let found = Diagnostic::error(entry.at, what);
                table.report().push(if help.is_empty() { found } else { found.help(help) });
            }
        }
    }
    good
}

/// An entry of `allow_private_hosts`.
pub(super) fn private_host(text: &str) -> Result<PrivateHost, Fault> {
    let form = "an address (\"127.0.0.1\"), an address with a port (\"127.0.0.1:20100\") or a CIDR; not a name";
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let host = if let Ok(address) = text.parse::<SocketAddr>() {
        PrivateHost { net: address.ip().into(), port: Some(address.port()) }
    } else {
        let net = network(bare).map_err(|what| Fault(what, form.to_owned()))?;
        PrivateHost { net, port: None }
    };
    let never = ["169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128"];
    let refused = never.iter().filter_map(|net| net.parse::<IpNet>().ok());
    if refused.into_iter().any(|net| net.contains(&host.net) || host.net.contains(&net)) {
        let what = format!("`{text}` holds link-local or metadata addresses, which are never asked");
        return Err(Fault(what, "leave them out".to_owned()));
    }
    Ok(host)
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse::<IpNet>().map(|net| net.trunc())).map_err(|_| format!("`{text}` is no address"))
}

/// A list of addresses and CIDRs.
pub(super) fn networks(table: &Reader<'_>, key: &'static str) -> Option<Vec<IpNet>> {
    let listed = table.strings(key)?;
    Some(each(table, listed.value, |text| {
        network(text).map_err(|what| Fault(what, "an address or a CIDR, like \"10.0.0.0/8\"".to_owned()))
    }))
}
