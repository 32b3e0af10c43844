//! Which addresses a server elsewhere may send us to: none that means something else here than it does there.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::account::Policy;

/// Where the clouds tell a machine its own credentials, beside 169.254.169.254.
const METADATA_V4: [Ipv4Addr; 2] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: [Ipv6Addr; 1] = [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)];

/// Why an address is not for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// This machine.
    Loopback,
    /// A private network (RFC 1918, RFC 4193), or that of a provider (RFC 6598).
    Private,
    /// The network cable, where the clouds put the credentials of machines.
    LinkLocal,
    /// An IPv4 address in the clothes of IPv6: mapped, compatible, 6to4, NAT64, Teredo.
    Embedded,
    /// Groups, documentation, and what is reserved.
    Special,
}

/// An address that is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{host}` {} `{address}`, {class}{}", is(host, address), remedy(*class))]
pub struct Refused {
    /// The host of the URL.
    pub host: String,
    /// What it stands for.
    pub address: IpAddr,
    /// Why it is not asked.
    pub class: Class,
}

impl Class {
    /// What kind an address is of; none for one that is the same everywhere.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Loopback => "an address of this machine",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address, where clouds keep credentials",
            Self::Embedded => "an IPv4 address inside an IPv6 address",
            Self::Special => "an address that no server on the internet has",
        })
    }
}

impl Policy {
    /// Whether the address of a host may be asked.
    pub(super) fn check(self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let allowed = match Class::of(address) {
            None => true,
            Some(Class::Loopback) => {
                self.allow_private || (self.allow_loopback && is_loopback_name(host))
            }
            Some(Class::Private) => self.allow_private,
            Some(Class::LinkLocal | Class::Embedded | Class::Special) => false,
        };
        let class = Class::of(address).filter(|_| !allowed);
        class.map_or(Ok(()), |class| Err(Refused { host: host.to_owned(), address, class }))
    }
}

/// Whether the URL's host is this machine by its very name, which no DNS server has a say in.
pub(super) fn is_loopback_host(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_name)
}

fn is_loopback_name(host: &str) -> bool {
    let name = host.trim_matches(['[', ']']);
    name == "localhost"
        || name.parse().is_ok_and(|address| Class::of(address) == Some(Class::Loopback))
}

/// The address that a URL names itself, without asking anybody.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

fn of_v4(address: Ipv4Addr) -> Option<Class> {
    let [a, b, c, _] = address.octets();
    if METADATA_V4.contains(&address) {
        return Some(Class::LinkLocal);
    }
    match (a, b, c) {
        (127, ..) => Some(Class::Loopback),
        (10, ..) | (192, 168, _) | (172, 16..=31, _) | (100, 64..=127, _) => Some(Class::Private),
        (169, 254, _) => Some(Class::LinkLocal),
        (0 | 224.., ..)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Some(Class::Special),
        _ => None,
    }
}

fn of_v6(address: Ipv6Addr) -> Option<Class> {
    let parts = address.segments();
    if METADATA_V6.contains(&address) {
        return Some(Class::LinkLocal);
    }
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Class::Loopback),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Class::Special),
        // Where IPv4 is reached by translation, resolvers spell all of it so (RFC 6147): it counts as what it stands for.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let inner = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
            of_v4(inner).map(|_| Class::Embedded)
        }
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, ..]
        | [0x64, 0xff9b, ..]
        | [0x2002, ..]
        | [0x2001, 0, ..] => Some(Class::Embedded),
        [0xfc00..=0xfdff, ..] => Some(Class::Private),
        [0xfe80..=0xfeff, ..] => Some(Class::LinkLocal),
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Class::Special),
        // Nothing else is given out to anybody (RFC 4291, Section 2.4).
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Class::Special),
    }
}

fn is(host: &str, address: &IpAddr) -> &'static str {
    if host.trim_matches(['[', ']']).parse() == Ok(*address) { "is" } else { "leads to" }
}

fn remedy(class: Class) -> &'static str {
    match class {
        Class::Loopback | Class::Private => {
            ", which a server elsewhere must not send the bridge to; if that is meant, set `auth.allowPrivateAddresses` to true"
        }
        Class::LinkLocal | Class::Embedded | Class::Special => ", which is never asked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_addresses_that_are_not_for_everybody() {
        let check = |text: &str, class: Option<Class>| {
            assert_eq!(Class::of(text.parse().expect("an address")), class, "{text}");
        };
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::808:808"] {
            check(public, None);
        }
        for loopback in ["127.0.0.1", "127.255.0.9", "::1"] {
            check(loopback, Some(Class::Loopback));
        }
        for private in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1"] {
            check(private, Some(Class::Private));
        }
        for link in
            ["169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "192.0.0.192"]
        {
            check(link, Some(Class::LinkLocal));
        }
        for embedded in [
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "2002:7f00:1::",
            "2001:0:808:808::1",
            "::ffff:0:8.8.8.8",
        ] {
            check(embedded, Some(Class::Embedded));
        }
        for special in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1", "2001:db8::1"] {
            check(special, Some(Class::Special));
        }
    }

    #[test]
    fn this_machine_is_asked_by_its_own_names_only() {
        let here = Policy { allow_loopback: true, ..Policy::default() };
        let private = Policy { allow_private: true, ..Policy::default() };
        let check = |policy: Policy, host: &str, address: &str, allowed: bool| {
            let checked = policy.check(host, address.parse().expect("an address"));
            assert_eq!(checked.is_ok(), allowed, "{host} {address} {checked:?}");
        };
        check(here, "localhost", "127.0.0.1", true);
        check(here, "[::1]", "::1", true);
        check(here, "rebind.example", "127.0.0.1", false);
        check(here, "localhost", "10.0.0.1", false);
        check(Policy::default(), "localhost", "127.0.0.1", false);
        check(private, "sso.example", "10.0.0.1", true);
        check(private, "sso.example", "127.0.0.1", true);
        check(private, "sso.example", "169.254.169.254", false);
        check(private, "sso.example", "::ffff:10.0.0.1", false);
    }
}
