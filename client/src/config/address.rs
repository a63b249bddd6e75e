//! The addresses at which a cluster is first looked for.

use std::sync::Arc;

use crate::error::{ConfigError, Peer};

/// Addresses to start from: one text with commas, or a list of texts; each `host:port`.
pub trait Bootstrap {
    /// The addresses, one text each.
    fn addresses(self) -> Vec<String>;
}

impl Bootstrap for &str {
    fn addresses(self) -> Vec<String> {
        self.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

impl Bootstrap for String {
    fn addresses(self) -> Vec<String> {
        self.as_str().addresses()
    }
}

impl Bootstrap for &String {
    fn addresses(self) -> Vec<String> {
        self.as_str().addresses()
    }
}

impl<S: AsRef<str>, const N: usize> Bootstrap for [S; N] {
    fn addresses(self) -> Vec<String> {
        self.iter()
            .flat_map(|part| part.as_ref().addresses())
            .collect()
    }
}

impl<S: AsRef<str>> Bootstrap for Vec<S> {
    fn addresses(self) -> Vec<String> {
        self.as_slice().addresses()
    }
}

impl<S: AsRef<str>> Bootstrap for &[S] {
    fn addresses(self) -> Vec<String> {
        self.iter()
            .flat_map(|part| part.as_ref().addresses())
            .collect()
    }
}

/// Reads addresses; one named twice counts once.
pub(super) fn parse(texts: &[String]) -> Result<Arc<[Arc<Peer>]>, ConfigError> {
    let mut peers: Vec<Arc<Peer>> = Vec::new();
    for text in texts {
        let peer = parse_one(text)?;
        if !peers.iter().any(|known| **known == peer) {
            peers.push(Arc::new(peer));
        }
    }
    if peers.is_empty() {
        return Err(ConfigError::new("bootstrap", "no address is given"));
    }
    Ok(peers.into())
}

fn parse_one(text: &str) -> Result<Peer, ConfigError> {
    let error = |why: &str| ConfigError::new("bootstrap", format!("{text:?} {why}"));
    let address = match text.split_once("://") {
        None => text,
        Some((protocol, address)) if protocol.eq_ignore_ascii_case("PLAINTEXT") => address,
        Some(_) => return Err(error("names a protocol other than PLAINTEXT")),
    };
    let (host, port) = match address
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match address.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => {
                return Err(error("is an IPv6 address without brackets"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let port = port
        .filter(|_| !host.is_empty())
        .ok_or_else(|| error("is not host:port"))?;
    match port.parse() {
        Ok(port @ 1..) => Ok(Peer {
            node: None,
            host: host.into(),
            port,
        }),
        _ => Err(error("has a port that is not between 1 and 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bootstrap: impl Bootstrap) -> Result<Vec<String>, String> {
        let peers = parse(&bootstrap.addresses()).map_err(|error| error.to_string())?;
        Ok(peers.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_text_or_many() {
        let two = Ok(vec!["a:1".to_owned(), "b:2".to_owned()]);
        assert_eq!(parsed("a:1,b:2"), two);
        assert_eq!(parsed(" a:1 , b:2, a:1,"), two);
        assert_eq!(parsed(["a:1", "b:2"]), two);
        assert_eq!(parsed(vec!["a:1,b:2".to_owned()]), two);
        assert_eq!(parsed("PLAINTEXT://a:1,b:2"), two);
        assert_eq!(parsed("[::1]:9092"), Ok(vec!["[::1]:9092".to_owned()]));
    }

    #[test]
    fn a_mistake_says_what_is_wrong_with_which() {
        for (text, says) in [
            ("", "no address"),
            ("kafka", "\"kafka\" is not host:port"),
            (":9092", "is not host:port"),
            ("kafka:", "port"),
            ("kafka:0", "port"),
            ("kafka:70000", "port"),
            (
                "a:1,::1:9092",
                "\"::1:9092\" is an IPv6 address without brackets",
            ),
            ("SSL://kafka:9093", "protocol"),
            ("[::1]", "is not host:port"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(
                error.starts_with("bootstrap: ") && error.contains(says),
                "{text}: {error}"
            );
        }
    }
}
