//! Who sends: the public key of a DSN.

/// What a request says of its sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Auth {
    /// The public key.
    pub key: Option<String>,
    /// The SDK.
    pub client: String,
}

/// Bytes of a key.
const KEY_BYTES_MAX: usize = 128;

impl Auth {
    /// From the header `X-Sentry-Auth` (or `Authorization`) and the query string: `Sentry sentry_key=…, sentry_client=…`.
    pub fn of(header: Option<&str>, query: &[(String, String)]) -> Auth {
        let mut auth = Auth::default();
        let header = header.map(str::trim).unwrap_or("");
        let pairs = match header.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sentry") => rest,
            _ => header,
        };
        let of_header = pairs.split(',').filter_map(|p| p.split_once('='));
        let of_query = query.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in of_header.chain(of_query) {
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "sentry_key" if auth.key.is_none() => auth.key = checked(value),
                "sentry_client" if auth.client.is_empty() => {
                    auth.client = crate::limits::cut(value, KEY_BYTES_MAX as u64).to_owned();
                }
                _ => {}
            }
        }
        auth
    }
}

fn checked(key: &str) -> Option<String> {
    (!key.is_empty() && key.len() <= KEY_BYTES_MAX).then(|| key.to_owned())
}

/// The public key of a DSN: `https://KEY@host/7`, before it maybe a password.
pub fn key_of_dsn(dsn: &str) -> Option<String> {
    let (_, rest) = dsn.split_once("://")?;
    let (user, _) = rest.split_once('@')?;
    checked(user.split(':').next().unwrap_or(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_wherever_they_stand() {
        let query = |text: &str| vec![("sentry_key".to_owned(), text.to_owned())];
        let key = |header, query: &[(String, String)]| Auth::of(header, query).key;
        assert_eq!(
            Auth::of(Some("Sentry sentry_version=7, sentry_client=sentry.python/2.1, sentry_key=abc"), &[]),
            Auth { key: Some("abc".into()), client: "sentry.python/2.1".into() }
        );
        assert_eq!(key(None, &query("q")).as_deref(), Some("q"));
        assert_eq!(key(Some("sentry_key=h"), &query("q")).as_deref(), Some("h"));
        assert_eq!(key(Some("Bearer x"), &[]), None);
        assert_eq!(key(None, &query(&"x".repeat(200))), None);
        assert_eq!(key_of_dsn("https://abc:secret@errors.example/7").as_deref(), Some("abc"));
        assert_eq!(key_of_dsn("https://errors.example/7"), None);
    }
}
