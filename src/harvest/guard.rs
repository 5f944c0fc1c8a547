//! The address guard: which network addresses a feed may make this machine talk to.
//!
//! In: an IP address, a port and the operator's list `allow_private_hosts`. Out: yes, or the rule
//! that says no. Pure: asks no resolver and opens no socket; `client` calls it for literal hosts
//! at every hop and inside the resolver, where a name's blocked addresses are skipped.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Ports below 1024 that speak HTTP. Others there are mail, shells, databases: a catalogue must
/// not make us talk to them.
const WEB_PORTS: [u16; 2] = [80, 443];

/// Addresses that give away a machine's identity in a cloud, beside link-local ones.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: [Ipv6Addr; 1] = [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)];

/// Why an address is not talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// This machine itself.
    Loopback,
    /// A private network (RFC 1918, ULA, site-local).
    Private,
    /// Link-local, where cloud metadata lives; the allow list cannot open it.
    LinkLocal,
    /// A cloud's metadata service; the allow list cannot open it.
    Metadata,
    /// Shared address space of operators (100.64.0.0/10).
    CarrierNat,
    /// A group or broadcast address; the allow list cannot open it.
    Multicast,
    /// `0.0.0.0/8` or `::`; the allow list cannot open it.
    Unspecified,
    /// Reserved, documentation or benchmarking ranges: nobody lives there.
    Reserved,
    /// A port below 1024 that is not a web port.
    Port(u16),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "its address is this machine's own (loopback)",
            Self::Private => "its address is in a private network",
            Self::LinkLocal => "its address is link-local",
            Self::Metadata => "its address is a cloud's metadata service",
            Self::CarrierNat => "its address is in shared address space (100.64.0.0/10)",
            Self::Multicast => "its address is a multicast or broadcast address",
            Self::Unspecified => "its address is unspecified",
            Self::Reserved => "its address is in a reserved range",
            Self::Port(port) => return write!(f, "port {port} is not a web port"),
        })
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// What the operator can do, as a clause without final stop.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Loopback | Self::Private | Self::CarrierNat | Self::Port(_) => {
                "if this host is meant, list it in `allow_private_hosts` of guichet.toml"
            }
            _ => "no source may lead there; check `url`, or tell the publisher",
        }
    }
}

/// One entry of `allow_private_hosts`: an address, an address with a port, or a CIDR range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowEntry {
    net: IpNet,
    port: Option<u16>,
}

impl std::str::FromStr for AllowEntry {
    type Err = BadAllowEntry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Self { net: IpNet::from(ip), port: None });
        }
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Self { net: net.trunc(), port: None });
        }
        match text.parse::<std::net::SocketAddr>() {
            Ok(addr) if addr.port() != 0 => Ok(Self { net: IpNet::from(addr.ip()), port: Some(addr.port()) }),
            _ => Err(BadAllowEntry(text.chars().take(80).collect())),
        }
    }
}

/// An entry of `allow_private_hosts` that is none of the three forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no entry for allow_private_hosts: give an address (`127.0.0.1`), an address with a \
     port (`127.0.0.1:20100`) or a range (`10.1.0.0/16`); host names are not accepted"
)]
pub struct BadAllowEntry(pub String);

/// The operator's exceptions to the guard. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<AllowEntry>);

impl AllowList {
    /// Reads the entries of `allow_private_hosts`; the first bad one is the error.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, BadAllowEntry> {
        entries.iter().map(|e| e.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    fn holds(&self, ip: IpAddr, port: u16) -> bool {
        self.0.iter().any(|e| e.net.contains(&ip) && e.port.is_none_or(|p| p == port))
    }
}

/// Whether a connection to `ip`:`port` may be made.
pub fn allowed(ip: IpAddr, port: u16, allow: &AllowList) -> Result<(), Refusal> {
    let real = unwrapped(ip);
    let refusal = blocked(real).or_else(|| blocked(ip));
    if let Some(never @ (Refusal::LinkLocal | Refusal::Metadata | Refusal::Multicast | Refusal::Unspecified)) = refusal
    {
        return Err(never);
    }
    if allow.holds(real, port) || allow.holds(ip, port) {
        return Ok(());
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None if port >= 1024 || WEB_PORTS.contains(&port) => Ok(()),
        None => Err(Refusal::Port(port)),
    }
}

/// The address that packets really go to: IPv4 inside IPv6 (mapped, compatible, 6to4, NAT64) comes out.
fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let s = v6.segments();
    let low = Ipv4Addr::from(((u32::from(s[6])) << 16) | u32::from(s[7]));
    match s {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => IpAddr::V4(low),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => IpAddr::V4(low),
        [0x2002, a, b, ..] => IpAddr::V4(Ipv4Addr::from((u32::from(a) << 16) | u32::from(b))),
        [0, 0, 0, 0, 0, 0, hi, lo] if hi != 0 || lo > 1 => IpAddr::V4(low),
        _ => ip,
    }
}

fn blocked(ip: IpAddr) -> Option<Refusal> {
    match ip {
        IpAddr::V4(v4) => blocked_v4(v4),
        IpAddr::V6(v6) => blocked_v6(v6),
    }
}

fn blocked_v4(ip: Ipv4Addr) -> Option<Refusal> {
    if METADATA_V4.contains(&ip) {
        return Some(Refusal::Metadata);
    }
    match ip.octets() {
        [0, ..] => Some(Refusal::Unspecified),
        [127, ..] => Some(Refusal::Loopback),
        [169, 254, ..] => Some(Refusal::LinkLocal),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Refusal::Private),
        [100, 64..=127, ..] => Some(Refusal::CarrierNat),
        [224..=239, ..] | [255, 255, 255, 255] => Some(Refusal::Multicast),
        // Protocol assignments, documentation (three), 6to4 relays, benchmarking, future use.
        [192, 0, 0, _]
        | [192, 0, 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [240..=255, ..] => Some(Refusal::Reserved),
        _ => None,
    }
}

fn blocked_v6(ip: Ipv6Addr) -> Option<Refusal> {
    if METADATA_V6.contains(&ip) {
        return Some(Refusal::Metadata);
    }
    let s = ip.segments();
    match s {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Refusal::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Refusal::Loopback),
        [a, ..] if a & 0xffc0 == 0xfe80 => Some(Refusal::LinkLocal),
        [a, ..] if a & 0xffc0 == 0xfec0 || a & 0xfe00 == 0xfc00 => Some(Refusal::Private),
        [a, ..] if a & 0xff00 == 0xff00 => Some(Refusal::Multicast),
        // Wrapped IPv4 was judged by what it wraps.
        [0, 0, 0, 0, 0 | 0xffff, 0 | 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x2002, ..] => None,
        // Teredo, ORCHID, benchmarking and protocol assignments; documentation (two).
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Refusal::Reserved),
        // Only 2000::/3 is handed out to anybody.
        [a, ..] if a & 0xe000 != 0x2000 => Some(Refusal::Reserved),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(ip: &str, port: u16, allow: &[&str]) -> Result<(), Refusal> {
        allowed(ip.parse().unwrap(), port, &AllowList::parse(allow).unwrap())
    }

    #[test]
    fn private_and_special_addresses_are_refused_by_their_rule() {
        for (ip, refusal) in [
            ("127.0.0.1", Refusal::Loopback),
            ("127.255.255.254", Refusal::Loopback),
            ("::1", Refusal::Loopback),
            ("10.0.0.1", Refusal::Private),
            ("172.16.0.1", Refusal::Private),
            ("172.31.255.255", Refusal::Private),
            ("192.168.1.1", Refusal::Private),
            ("fd12:3456::1", Refusal::Private),
            ("fec0::1", Refusal::Private),
            ("169.254.169.254", Refusal::LinkLocal),
            ("fe80::1", Refusal::LinkLocal),
            ("febf::1", Refusal::LinkLocal),
            ("fd00:ec2::254", Refusal::Metadata),
            ("100.100.100.200", Refusal::Metadata),
            ("168.63.129.16", Refusal::Metadata),
            ("100.64.0.1", Refusal::CarrierNat),
            ("100.127.255.255", Refusal::CarrierNat),
            ("224.0.0.1", Refusal::Multicast),
            ("255.255.255.255", Refusal::Multicast),
            ("ff02::1", Refusal::Multicast),
            ("0.0.0.0", Refusal::Unspecified),
            ("0.1.2.3", Refusal::Unspecified),
            ("::", Refusal::Unspecified),
            ("192.0.2.1", Refusal::Reserved),
            ("198.51.100.7", Refusal::Reserved),
            ("203.0.113.9", Refusal::Reserved),
            ("198.18.0.1", Refusal::Reserved),
            ("240.0.0.1", Refusal::Reserved),
            ("2001:db8::1", Refusal::Reserved),
            ("2001::1", Refusal::Reserved),
            ("100::1", Refusal::Reserved),
        ] {
            assert_eq!(judge(ip, 443, &[]), Err(refusal), "{ip}");
        }
    }

    #[test]
    fn public_addresses_are_allowed_on_web_ports_and_high_ports_only() {
        for ip in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a01:cb00::1"] {
            assert_eq!(judge(ip, 443, &[]), Ok(()), "{ip}");
            assert_eq!(judge(ip, 8443, &[]), Ok(()), "{ip}");
            assert_eq!(judge(ip, 25, &[]), Err(Refusal::Port(25)), "{ip}");
        }
        assert_eq!(judge("1.1.1.1", 81, &["1.1.1.1:81"]), Ok(()));
    }

    #[test]
    fn ipv4_wrapped_in_ipv6_is_judged_by_what_it_wraps() {
        for (ip, refusal) in [
            ("::ffff:127.0.0.1", Refusal::Loopback),
            ("::ffff:169.254.169.254", Refusal::LinkLocal),
            ("::ffff:0:10.0.0.1", Refusal::Private),
            ("::127.0.0.1", Refusal::Loopback),
            ("64:ff9b::10.0.0.1", Refusal::Private),
            ("64:ff9b:1::10.0.0.1", Refusal::Reserved),
            ("2002:7f00:1::", Refusal::Loopback),
            ("2002:a9fe:a9fe::1", Refusal::LinkLocal),
        ] {
            assert_eq!(judge(ip, 80, &[]), Err(refusal), "{ip}");
        }
        assert_eq!(judge("::ffff:1.1.1.1", 80, &[]), Ok(()));
        assert_eq!(judge("64:ff9b::1.1.1.1", 80, &[]), Ok(()));
    }

    #[test]
    fn the_allow_list_opens_an_address_a_port_or_a_range_and_nothing_beside() {
        assert_eq!(judge("127.0.0.1", 9999, &["127.0.0.1"]), Ok(()));
        assert_eq!(judge("127.0.0.2", 9999, &["127.0.0.1"]), Err(Refusal::Loopback));
        assert_eq!(judge("127.0.0.1", 20100, &["127.0.0.1:20100"]), Ok(()));
        assert_eq!(judge("127.0.0.1", 20101, &["127.0.0.1:20100"]), Err(Refusal::Loopback));
        assert_eq!(judge("10.1.255.3", 80, &["10.1.0.0/16"]), Ok(()));
        assert_eq!(judge("10.2.0.3", 80, &["10.1.0.0/16"]), Err(Refusal::Private));
        assert_eq!(judge("::ffff:127.0.0.1", 80, &["127.0.0.1"]), Ok(()));
        assert_eq!(judge("::1", 80, &["[::1]:80"]), Ok(()));
        assert_eq!(judge("127.0.0.1", 22, &["127.0.0.1:22"]), Ok(()));
    }

    #[test]
    fn link_local_and_metadata_addresses_stay_closed_whatever_the_list_says() {
        let all = ["0.0.0.0/0", "::/0", "169.254.169.254", "fe80::/10"];
        for ip in
            ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "2002:a9fe:a9fe::", "fd00:ec2::254", "0.0.0.0"]
        {
            assert!(judge(ip, 80, &all).is_err(), "{ip}");
        }
        assert_eq!(judge("10.0.0.1", 80, &all), Ok(()));
    }

    #[test]
    fn an_entry_of_the_allow_list_is_an_address_never_a_name() {
        for bad in ["localhost", "127.0.0.1:0", "127.0.0.1:99999", "10.0.0.0/33", "", "*"] {
            assert!(AllowList::parse(&[bad]).is_err(), "{bad}");
        }
    }
}
