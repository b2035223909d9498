//! `redis.connection`: addresses of a Redis.

use kayenta_secrets::Secret;
use percent_encoding::percent_decode_str;

use kayenta_settings::RedisTopology;

/// What an address says.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) topology: RedisTopology,
    pub(crate) tls: bool,
    pub(crate) password: Option<Secret>,
    pub(crate) database: u32,
}

/// Reads `redis://[user:password@]host[:port][/db]` and its variants: `rediss://`, and in this
/// service `redis-sentinel://host,host/db#master` and `redis-cluster://host,host`.
///
/// # Errors
/// Why not, without the text, as it may hold a password.
pub(crate) fn parse(text: &str) -> Result<Address, String> {
    let text = text.trim();
    let (scheme, rest) = text
        .split_once("://")
        .ok_or("the address has no scheme: write redis://host:6379")?;
    let (tls, kind) = match scheme.to_lowercase().as_str() {
        "redis" => (false, ""),
        "rediss" => (true, ""),
        "redis-sentinel" => (false, "sentinel"),
        "rediss-sentinel" => (true, "sentinel"),
        "redis-cluster" => (false, "cluster"),
        "rediss-cluster" => (true, "cluster"),
        _ => return Err("the scheme is not redis:// or rediss://".to_owned()),
    };
    if rest.contains(char::is_whitespace) {
        return Err("the address contains a blank".to_owned());
    }
    let (user_info, rest) = match rest.rsplit_once('@') {
        Some((user_info, rest)) => (Some(user_info), rest),
        None => (None, rest),
    };
    let password = match user_info {
        None => None,
        Some(user_info) => {
            // The user name is ignored, as in the reference.
            let (_, password) = user_info
                .split_once(':')
                .ok_or("what stands before @ has no colon: write redis://:password@host")?;
            let password = percent_decode_str(password)
                .decode_utf8()
                .map_err(|_| "the password is not UTF-8 once its percent-escapes are decoded")?;
            (!password.is_empty()).then(|| Secret::from(password.into_owned()))
        }
    };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let rest = rest.split('?').next().unwrap_or_default();
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let database = match path.trim_end_matches('/') {
        "" => 0,
        number => number
            .parse()
            .map_err(|_| "the database after the host is not a number")?,
    };
    let topology = match kind {
        "sentinel" => RedisTopology::Sentinel {
            nodes: nodes(hosts, 26_379)?,
            master: if fragment.is_empty() {
                return Err(
                    "the master is not named: write redis-sentinel://host:26379#mymaster"
                        .to_owned(),
                );
            } else {
                fragment.to_owned()
            },
        },
        "cluster" => RedisTopology::Cluster {
            nodes: nodes(hosts, 6_379)?,
        },
        _ => {
            let (host, port) = node(hosts, 6_379)?;
            RedisTopology::Single { host, port }
        }
    };
    Ok(Address {
        topology,
        tls,
        password,
        database,
    })
}

fn nodes(hosts: &str, port: u16) -> Result<Vec<(String, u16)>, String> {
    hosts.split(',').map(|host| node(host, port)).collect()
}

fn node(text: &str, default: u16) -> Result<(String, u16), String> {
    let (host, port) = if let Some(inside) = text.strip_prefix('[') {
        let (host, rest) = inside
            .split_once(']')
            .ok_or("the address of IPv6 has no ] at its end")?;
        (host, rest.strip_prefix(':'))
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    if host.contains(',') {
        return Err("several hosts need redis-sentinel:// or redis-cluster://".to_owned());
    }
    let port = match port {
        None | Some("") => default,
        Some(port) => port
            .parse()
            .map_err(|_| format!("the port of host {host} is not a number from 0 to 65535"))?,
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn addresses_are_read_as_the_reference_reads_them_and_ours() {
        let address = parse("redis://u:s%23cr:t@localhost:6390/2").unwrap();
        assert_eq!(
            address.password.unwrap().current().expose_secret(),
            "s#cr:t"
        );
        assert_eq!(address.database, 2);
        assert_eq!(
            address.topology,
            RedisTopology::Single {
                host: "localhost".to_owned(),
                port: 6390
            }
        );
        assert_eq!(parse("redis://host/").unwrap().database, 0);
        assert!(parse("rediss://:p@[::1]:7/0").unwrap().tls);
        let sentinel = parse("redis-sentinel://:p@a,b:1/3#m").unwrap();
        assert_eq!(
            sentinel.topology,
            RedisTopology::Sentinel {
                nodes: vec![("a".to_owned(), 26_379), ("b".to_owned(), 1)],
                master: "m".to_owned()
            }
        );
        for wrong in [
            "localhost:6379",
            "redis://secret@host",
            "redis://",
            "redis://host:port",
            "redis://a,b",
            "http://host",
            "redis://host/x",
            "redis-sentinel://a",
        ] {
            let message = parse(wrong).unwrap_err();
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
