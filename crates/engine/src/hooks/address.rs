//! Where nothing is sent: an address that leads into the own network could be made to reach what only stands
//! there (failure 36). Checked when an endpoint is set up and again at every connection, each time on what the name
//! leads to at that moment.

use async_trait::async_trait;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// IPv4 networks that are not the public internet (IANA special-purpose registry).
const V4: &[(&str, &str)] = &[
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local, and the metadata of clouds"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, broadcast"),
];

/// IPv6 networks within global unicast (`2000::/3`) that are not the public internet.
const V6: &[(&str, &str)] = &[
    ("2001::/23", "protocol assignments, Teredo"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
];

fn lies_in(table: &[(&str, &str)], ip: IpAddr) -> bool {
    table
        .iter()
        .any(|(net, _)| IpNet::from_str(net).is_ok_and(|net| net.contains(&ip)))
}

/// The IPv4 address that an IPv6 address stands for: mapped, translated (NAT64), tunnelled (6to4).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| {
        let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(one, two, three, four)
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// Whether an address is one of the public internet.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => !lies_in(V4, ip),
        IpAddr::V6(own) => match embedded(own) {
            Some(inner) => !lies_in(V4, IpAddr::V4(inner)),
            None => own.segments()[0] & 0xe000 == 0x2000 && !lies_in(V6, ip),
        },
    }
}

/// Networks of a county's own to which it wants to send all the same (key `webhook_allow`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<IpNet>);

impl AllowList {
    /// Reads networks, separated by commas; the first that is none.
    pub fn read(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let nets = items.map(|item| {
            let net = item.parse::<IpNet>();
            net.or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| item.to_owned())
        });
        nets.collect::<Result<_, _>>().map(Self)
    }

    /// Whether the county wants this address.
    pub fn lists(&self, ip: IpAddr) -> bool {
        let inner = match ip {
            IpAddr::V4(_) => None,
            IpAddr::V6(own) => embedded(own).map(IpAddr::V4),
        };
        let lists = |ip: IpAddr| self.0.iter().any(|net| net.contains(&ip));
        lists(ip) || inner.is_some_and(lists)
    }

    /// Whether something may be sent there: over HTTPS to the public internet, to what is listed in any way.
    pub fn admits(&self, ip: IpAddr, is_https: bool) -> bool {
        self.lists(ip) || (is_https && is_public(ip))
    }
}

/// Whoever knows whether webhooks may be sent to a URL, as its name leads now; else why not.
#[async_trait]
pub trait AddressCheck: Send + Sync {
    /// Looks where it leads.
    async fn check(&self, url: &str) -> Result<(), &'static str>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// Failure 36: each kind of address that leads inside, in each of its spellings, with the edges of its
    /// network; and public neighbours of them.
    #[test]
    fn nothing_leads_inside() {
        for inside in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:c0a8:101::",
            "2001::1",
            "2001:0:4136::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public(ip(inside)), "{inside}");
            assert!(!AllowList::default().admits(ip(inside), true), "{inside}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2400:3200::1",
            "2606:4700:4700::1111",
            "64:ff9b::1.1.1.1",
            "::ffff:1.1.1.1",
            "2002:101:101::1",
        ] {
            assert!(is_public(ip(outside)), "{outside}");
            assert!(AllowList::default().admits(ip(outside), true), "{outside}");
            assert!(
                !AllowList::default().admits(ip(outside), false),
                "{outside} without TLS"
            );
        }
    }

    #[test]
    fn a_county_lists_its_own_networks() {
        let list = AllowList::read("10.20.0.0/16, 192.168.7.9 ,fd00:1::/32").expect("networks");
        for (listed, address) in [
            (true, "10.20.255.255"),
            (true, "192.168.7.9"),
            (true, "fd00:1::5"),
            (true, "::ffff:10.20.0.1"),
            (false, "10.21.0.0"),
            (false, "192.168.7.8"),
            (false, "127.0.0.1"),
            (false, "1.1.1.1"),
        ] {
            assert_eq!(list.lists(ip(address)), listed, "{address}");
            assert_eq!(list.admits(ip(address), false), listed, "{address}");
        }
        assert_eq!(AllowList::read(""), Ok(AllowList::default()));
        assert_eq!(AllowList::read("10.0.0.0/8,here"), Err("here".to_owned()));
        assert_eq!(
            AllowList::read("10.0.0.0/33"),
            Err("10.0.0.0/33".to_owned())
        );
    }
}
