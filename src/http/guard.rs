//! Where links out of foreign data may lead: to public addresses, never into this machine or its network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Lets links to public servers pass, and to one site that the user named.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// Scheme, host and port.
    own: Option<(String, String, u16)>,
    /// Names of proxies, which may stand anywhere.
    pub(super) proxies: Vec<String>,
}

impl Guard {
    /// A guard that lets links to this site pass, wherever it is.
    pub(super) fn with_site(site: &Url) -> Self {
        Self {
            own: place(site),
            proxies: Vec::new(),
        }
    }

    /// Why a link may not be followed; `None` if it may.
    ///
    /// Names are not resolved here: [`Resolve`] does that when the connection is made, so that a name
    /// cannot lead elsewhere then.
    pub(super) fn refuses(&self, link: &Url) -> Option<String> {
        if !matches!(link.scheme(), "http" | "https") {
            return Some(format!(
                "links of the kind `{}:` are not followed",
                link.scheme()
            ));
        }
        if self.own.is_some() && place(link) == self.own {
            return None;
        }
        let host = link.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.parse().is_ok_and(|address| !is_public(address)) {
            return Some(format!("`{host}` is an address of a private network"));
        }
        let lower = bare.trim_end_matches('.').to_ascii_lowercase();
        let local = lower == "localhost"
            || [".localhost", ".local", ".internal"]
                .iter()
                .any(|end| lower.ends_with(end));
        (local || host.is_empty())
            .then(|| format!("`{host}` is a name of this machine or its network"))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let trusted = self.proxies.contains(&host)
            || self.own.as_ref().is_some_and(|(_, own, _)| *own == host);
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let allowed: Vec<_> = found
                .filter(|address| trusted || is_public(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err("the name leads to no public address".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn place(link: &Url) -> Option<(String, String, u16)> {
    let host = link.host_str()?.to_owned();
    Some((
        link.scheme().to_owned(),
        host,
        link.port_or_known_default()?,
    ))
}

/// Whether an address is one of the internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let special = first == 0
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (18..20).contains(&second))
        || first >= 224;
    !(special
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation())
}

/// Only global unicast, and of that nothing that carries a private address of version 4 in it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let parts = address.segments();
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => inner(high, low),
        [0x2001, 0 | 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(guard: &Guard, link: &str) -> bool {
        guard.refuses(&Url::parse(link).unwrap()).is_some()
    }

    #[test]
    fn links_into_this_machine_or_its_network_are_refused() {
        let guard = Guard::default();
        for link in [
            "file:///etc/passwd",
            "ftp://example.com/x",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.1:80/",
            "http://0.0.0.0/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://100.64.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[fd00::1]/",
            "http://[fe80::1]/",
            "http://[64:ff9b::a00:1]/",
            "http://[2002:7f00:1::]/",
            "http://localhost:8080/",
            "http://LOCALHOST./",
            "http://printer.local/",
            "http://metadata.google.internal/",
        ] {
            assert!(refused(&guard, link), "{link}");
        }
        for link in [
            "https://p16-sign.tiktokcdn.com/x.jpeg?a=1",
            "http://93.184.216.34/",
            "https://[2606:4700::1111]/",
        ] {
            assert!(!refused(&guard, link), "{link}");
        }
    }

    #[test]
    fn only_the_named_site_is_let_through() {
        let guard = Guard::with_site(&Url::parse("http://127.0.0.1:8080").unwrap());
        assert!(!refused(&guard, "http://127.0.0.1:8080/media/1"));
        for link in [
            "http://127.0.0.1:8081/",
            "https://127.0.0.1:8080/",
            "http://127.0.0.2:8080/",
            "http://localhost:8080/",
        ] {
            assert!(refused(&guard, link), "{link}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_connected_to() {
        let name: Name = "localhost".parse().unwrap();
        assert!(Guard::default().resolve(name).await.is_err());
    }
}
