//! Whose address a request comes from. Behind proxies that is not the peer,
//! and what a header says is only worth as much as the proxy that wrote it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Bits of an IPv6 address that one customer has for themselves.
const NETWORK_BITS: u32 = 64;

/// The address of the client that sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The peer, or, behind `proxies` of our own, the address the outermost of
    /// them saw: that many from the right of `X-Forwarded-For`. What is left of
    /// it the client may have made up.
    pub fn find(peer: IpAddr, headers: &HeaderMap, proxies: usize) -> Self {
        let forwarded = || {
            let lines: Vec<_> = headers.get_all(FORWARDED_FOR).collect();
            let mut entries = lines
                .iter()
                .rev()
                .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
            let entry = entries.nth(proxies.checked_sub(1)?)?;
            read(str::from_utf8(entry).ok()?.trim())
        };
        Self(forwarded().unwrap_or(peer).to_canonical())
    }

    /// What the outermost middleware has found.
    pub fn of(request: &HttpRequest) -> Self {
        let found = request.extensions().get().copied();
        found.unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// What limits count: of IPv6 the network, because one client has all the
    /// addresses of it.
    pub fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V6(address) => {
                let mask = u128::MAX << (128 - NETWORK_BITS);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
            v4 @ IpAddr::V4(_) => v4,
        }
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn read(entry: &str) -> Option<IpAddr> {
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    entry.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "10.0.0.1";

    fn find(lines: &[&str], proxies: usize) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let peer = PEER.parse().unwrap();
        ClientAddress::find(peer, &headers, proxies).0.to_string()
    }

    #[test]
    fn as_many_from_the_right_as_there_are_proxies() {
        let cases: [(&[&str], usize, &str); 16] = [
            (&[], 0, PEER),
            (&["1.1.1.1"], 0, PEER),
            (&[], 1, PEER),
            (&["1.1.1.1"], 1, "1.1.1.1"),
            (&["6.6.6.6, 1.1.1.1"], 1, "1.1.1.1"),
            (&["6.6.6.6,1.1.1.1 , 2.2.2.2"], 2, "1.1.1.1"),
            (&["6.6.6.6", "1.1.1.1", "2.2.2.2"], 2, "1.1.1.1"),
            (&["6.6.6.6", "1.1.1.1, 2.2.2.2"], 3, "6.6.6.6"),
            (&["1.1.1.1"], 2, PEER),
            (&["1.1.1.1:4711"], 1, "1.1.1.1"),
            (&["2001:db8::7"], 1, "2001:db8::7"),
            (&["[2001:db8::7]"], 1, "2001:db8::7"),
            (&["[2001:db8::7]:80"], 1, "2001:db8::7"),
            (&["::ffff:1.1.1.1"], 1, "1.1.1.1"),
            (&["1.1.1.1, unknown"], 1, PEER),
            (&["1.1.1.1,"], 1, PEER),
        ];
        for (lines, proxies, expected) in cases {
            assert_eq!(find(lines, proxies), expected, "{lines:?} {proxies}");
        }
    }

    #[test]
    fn ipv6_counts_by_its_network() {
        let network = |text: &str| ClientAddress(text.parse().unwrap()).network().to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("1.2.3.4"), "1.2.3.4");
    }

    proptest! {
        #[test]
        fn what_the_client_wrote_changes_nothing(
            made_up in "[ -~]{0,60}", real: IpAddr, proxies in 1_usize..4,
        ) {
            // Each proxy adds the address that it saw.
            let added: Vec<_> = std::iter::once(real.to_string())
                .chain((1..proxies).map(|hop| format!("10.0.0.{hop}")))
                .collect();
            let one_line = format!("{made_up}, {}", added.join(", "));
            let lines: Vec<_> = std::iter::once(made_up.as_str())
                .chain(added.iter().map(String::as_str))
                .collect();
            let expected = real.to_canonical().to_string();
            prop_assert_eq!(find(&[&one_line], proxies), expected.clone());
            prop_assert_eq!(find(&lines, proxies), expected);
        }

        #[test]
        fn any_header_is_read_or_passed_over(line: Vec<u8>, proxies: usize) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                headers.append(FORWARDED_FOR, value);
            }
            ClientAddress::find(PEER.parse().unwrap(), &headers, proxies);
        }
    }
}
