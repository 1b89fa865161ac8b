//! The database's address, with the TLS that libpq's `sslmode` and `sslrootcert` ask for.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;
use tokio_postgres::config::SslMode;
use url::form_urlencoded;

/// When a silent server is taken for gone: about 25 s without traffic, 30 s
/// with a request on its way. In seconds.
const LIVENESS: &str =
    "keepalives_idle=10&keepalives_interval=5&keepalives_retries=3&tcp_user_timeout=30";

/// `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`
#[derive(Clone, Deserialize)]
#[serde(try_from = "SecretString")]
pub struct DatabaseUrl {
    pub(crate) config: tokio_postgres::Config,
    pub(crate) tls: Tls,
    text: SecretString,
}

/// How sure a connection has to be of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Its certificate may be anybody's: that keeps those out who only listen.
    Unverified,
    /// Somebody who is trusted vouches for its certificate.
    Chain(Roots),
    /// The same, and it is for the host of the URL.
    Full(Roots),
}

/// Who is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Whom the system trusts.
    System,
    /// Whose certificate is in this file.
    File(PathBuf),
}

/// Why a text is no address. Does not repeat it: it may hold a password.
#[derive(Debug, Error)]
pub enum UrlError {
    /// Not what Postgres' clients take.
    #[error("must be postgres://user:password@host:port/database: {0}")]
    Form(String),
    /// An `sslmode` that there is not.
    #[error(
        "has an unknown sslmode: disable, prefer, require, verify-ca and verify-full are known"
    )]
    Mode,
}

impl DatabaseUrl {
    /// As it was given, with its password.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    /// `sslmode` means what it means to libpq; without one it is `prefer`. Roots that
    /// `verify-ca` and `verify-full` are not given are the system's.
    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut mode, mut roots) = (None, None);
        // The last value counts, as it does for all other parameters. What the URL says
        // itself comes after our defaults.
        let mut kept = LIVENESS.to_owned();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match form_urlencoded::parse(part.as_bytes()).next() {
                Some((name, value)) if name == "sslmode" => mode = Some(value.into_owned()),
                Some((name, value)) if name == "sslrootcert" => {
                    roots = Some(PathBuf::from(value.into_owned()));
                }
                _ => kept.extend(["&", part]),
            }
        }
        let (mode, tls) = tls(mode.as_deref().unwrap_or("prefer"), roots.as_deref())?;
        let mut config: tokio_postgres::Config = format!("{address}?{kept}")
            .parse()
            .map_err(|error: tokio_postgres::Error| UrlError::Form(causes(&error)))?;
        config.ssl_mode(mode);
        Ok(Self {
            config,
            tls,
            text: text.to_owned().into(),
        })
    }
}

impl TryFrom<SecretString> for DatabaseUrl {
    type Error = UrlError;

    fn try_from(text: SecretString) -> Result<Self, UrlError> {
        text.expose_secret().parse()
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseUrl").finish_non_exhaustive()
    }
}

fn tls(mode: &str, roots: Option<&Path>) -> Result<(SslMode, Tls), UrlError> {
    let file = || roots.map(|path| Roots::File(path.to_owned()));
    let trusted = || file().unwrap_or(Roots::System);
    Ok(match mode {
        "disable" => (SslMode::Disable, Tls::Unverified),
        "prefer" => (SslMode::Prefer, Tls::Unverified),
        // So it has been since before there was `verify-ca`.
        "require" => (SslMode::Require, file().map_or(Tls::Unverified, Tls::Chain)),
        "verify-ca" => (SslMode::Require, Tls::Chain(trusted())),
        "verify-full" => (SslMode::Require, Tls::Full(trusted())),
        _ => return Err(UrlError::Mode),
    })
}

/// tokio-postgres tells only the outermost cause by itself.
pub(crate) fn causes(error: &tokio_postgres::Error) -> String {
    let inner = std::error::Error::source(error);
    inner.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> (SslMode, Tls) {
        let url: DatabaseUrl = format!("postgres://u:p@h:1/d{query}").parse().unwrap();
        (url.config.get_ssl_mode(), url.tls)
    }

    #[test]
    fn each_mode_is_libpqs() {
        let file = || Roots::File("/a b".into());
        for (query, expected) in [
            ("", (SslMode::Prefer, Tls::Unverified)),
            ("?sslmode=disable", (SslMode::Disable, Tls::Unverified)),
            ("?sslmode=prefer", (SslMode::Prefer, Tls::Unverified)),
            ("?sslmode=require", (SslMode::Require, Tls::Unverified)),
            (
                "?sslmode=require&sslrootcert=/a%20b",
                (SslMode::Require, Tls::Chain(file())),
            ),
            (
                "?sslmode=verify-ca",
                (SslMode::Require, Tls::Chain(Roots::System)),
            ),
            (
                "?sslrootcert=/a%20b&sslmode=verify-full",
                (SslMode::Require, Tls::Full(file())),
            ),
        ] {
            assert_eq!(parse(query), expected, "{query}");
        }
    }

    #[test]
    fn a_url_keeps_its_own_parameters() {
        let of = |text: &str| text.parse::<DatabaseUrl>().unwrap().config;
        let seconds = std::time::Duration::from_secs;
        let bare = of("postgres://u:p@h:1/d");
        assert_eq!(bare.get_tcp_user_timeout(), Some(&seconds(30)));
        let own = of("postgres://h/d?tcp_user_timeout=5&options=-c%20a%3Db");
        assert_eq!(own.get_tcp_user_timeout(), Some(&seconds(5)));
        assert_eq!(own.get_options(), Some("-c a=b"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, why) in [
            ("postgres://u:hush@h:x/d", "must be postgres://"),
            ("postgres://u:hush@h/d?sslmode=allow", "unknown sslmode"),
            ("postgres://u:hush@h/d?sslkey=x", "sslkey"),
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
