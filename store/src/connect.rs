//! Connections to Postgres: over TLS where the URL asks for it, each held to the rights
//! of one service.

mod verify;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio_postgres_rustls::MakeRustlsConnect;

use self::verify::Lenient;
use crate::address::{DatabaseUrl, Roots, Tls, causes};
use crate::role::DatabaseRole;

/// How long one statement may take, so that a lock nobody gives back or a
/// stalled disk does not hold its caller for ever.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);

/// Why the server's certificate could not be checked.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file of `sslrootcert` has no certificates.
    #[error("sslrootcert of database.url: {} holds no certificate that can be read", .0.display())]
    Roots(PathBuf),
    /// There is nobody to trust.
    #[error(
        "database.url asks for a verified server, and the system trusts nobody: give sslrootcert"
    )]
    NoRoots,
    /// The TLS library refused what it was given.
    #[error("TLS to the database cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// Makes connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
}

impl Connector {
    pub(crate) fn new(url: &DatabaseUrl) -> Result<Self, TlsError> {
        Ok(Self {
            config: url.config.clone(),
            tls: MakeRustlsConnect::new(client_config(&url.tls)?),
        })
    }

    /// A connection with the rights of whoever the URL names, and whether these are
    /// all there are.
    pub(crate) async fn connect(&self) -> ConnectionResult<(AsyncPgConnection, bool)> {
        let (client, connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(|error| ConnectionError::BadConnection(causes(&error)))?;
        let is_superuser = connection.parameter("is_superuser") == Some("on");
        let connection =
            AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
        Ok((connection, is_superuser))
    }

    /// A connection that is held to the rights of one service, whoever logs in. The work
    /// that keeps it going runs on `runtime`, not on a thread that may be busy.
    pub(crate) async fn connect_as(
        self,
        role: DatabaseRole,
        runtime: Handle,
    ) -> ConnectionResult<(AsyncPgConnection, bool)> {
        let connecting = runtime.spawn(async move {
            let (mut connection, is_superuser) = self.connect().await?;
            set_up(&mut connection, role).await?;
            Ok((connection, is_superuser))
        });
        connecting
            .await
            .map_err(|panic| ConnectionError::BadConnection(panic.to_string()))?
    }
}

async fn set_up(connection: &mut AsyncPgConnection, role: DatabaseRole) -> ConnectionResult<()> {
    let limit = STATEMENT_LIMIT.as_millis();
    // Its firings are one statement, which takes longer to plan than to run.
    let plans = match role {
        DatabaseRole::Scheduler => "force_generic_plan",
        DatabaseRole::Gateway | DatabaseRole::Executor | DatabaseRole::Logs => "auto",
    };
    connection
        .batch_execute(&format!(
            "SET ROLE {role}; SET TIME ZONE 'UTC'; SET statement_timeout = {limit}; \
             SET plan_cache_mode = {plans}"
        ))
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)
}

fn client_config(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let lenient = match tls {
        Tls::Full(roots) => {
            let roots = trusted(roots)?;
            return Ok(builder.with_root_certificates(roots).with_no_client_auth());
        }
        Tls::Chain(roots) => {
            Lenient::of_chain(trusted(roots)?, provider).map_err(|_| TlsError::NoRoots)?
        }
        Tls::Unverified => Lenient::of_anybody(provider),
    };
    let verifier = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(lenient));
    Ok(verifier.with_no_client_auth())
}

fn trusted(roots: &Roots) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(TlsError::NoRoots);
            }
        }
        Roots::File(path) => {
            let unreadable = || TlsError::Roots(path.clone());
            let text = fs::read(path).map_err(|_| unreadable())?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                store.add(certificate.map_err(|_| unreadable())?)?;
            }
            if store.is_empty() {
                return Err(unreadable());
            }
        }
    }
    Ok(store)
}
