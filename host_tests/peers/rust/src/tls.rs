//! Certificates for rustls, from PEM files.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::fail;

/// A client that trusts this authority and no other.
pub fn client(ca: Option<&str>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in ca.iter().flat_map(|file| certificates(file)) {
        roots.add(certificate).unwrap_or_else(|error| fail(&error.to_string()));
    }
    Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// A server with this certificate.
pub fn server(cert: &str, key: &str) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from_pem_file(key).unwrap_or_else(|error| fail(&error.to_string()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates(cert), key)
        .unwrap_or_else(|error| fail(&error.to_string()));
    Arc::new(config)
}

pub fn server_name(host: &str) -> ServerName<'static> {
    ServerName::try_from(host.to_string()).unwrap_or_else(|error| fail(&error.to_string()))
}

fn certificates(file: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .unwrap_or_else(|error| fail(&format!("{file}: {error}")))
}
