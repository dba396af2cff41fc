//! TLS towards QuestDB and a schema registry: whose certificates are trusted. QuestDB's open source build has no TLS, so the peer is made
//! here.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use quafka::config::RegistryConfig;
use quafka::questdb::{HttpError, QuestDb, QuestDbError};
use quafka::registry::Registry;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// For `localhost` and 127.0.0.1, signed by itself, known to nobody. Made with
/// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost
/// -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE`.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBmDCCAT6gAwIBAgIUdLRN40cOpgljCk7CHhD3uw2iV+cwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA5MDc0MFoYDzIxMjYxMDMw
MDkwNzQwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATurQwCYAYgWIHaPXcoWxv/a11kRRAMBmKXB89J+j48/VDvFzCbFLkD
E5e4h+hTE5MYWNvpDwQwx8PkVZAaX7iso2wwajAdBgNVHQ4EFgQU20/hyv3TN5qs
/7+YVxM9oWCgN2MwHwYDVR0jBBgwFoAU20/hyv3TN5qs/7+YVxM9oWCgN2MwGgYD
VR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0E
AwIDSAAwRQIhAKbrK8Cw9NIzVvFYrITDwBmBCt4k8ngZOFALvhJZQJYbAiBIqC74
KSvsAFE+7jkLvrCRxbF6UoRXqWbaEHpkNNKXkg==
-----END CERTIFICATE-----
";

/// The key to it, which protects nothing.
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgP4Gqe7d7WVeE5xYd
OwlHrVRA/ukzZPmsb1MV9t1866yhRANCAATurQwCYAYgWIHaPXcoWxv/a11kRRAM
BmKXB89J+j48/VDvFzCbFLkDE5e4h+hTE5MYWNvpDwQwx8PkVZAaX7is
-----END PRIVATE KEY-----
";

/// Answers every request with 204; its port.
async fn peer() -> u16 {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut socket) = acceptor.accept(socket).await else { return };
                let mut request = Vec::new();
                while let Ok(byte) = socket.read_u8().await {
                    request.push(byte);
                    if request.ends_with(b"\r\n\r\n") {
                        request.clear();
                        socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                    }
                }
            });
        }
    });
    port
}

async fn ping(conf: &str) -> Result<(), QuestDbError> {
    let questdb = QuestDb::from_conf(conf).unwrap();
    // Twice, so that the second finds a connection that has been idle.
    questdb.ping().await?;
    questdb.ping().await
}

#[tokio::test]
async fn a_certificate_is_trusted_when_the_user_says_so() {
    let port = peer().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, CERTIFICATE).unwrap();
    let file = file.display();
    ping(&format!("https::addr=localhost:{port};tls_roots={file};")).await.unwrap();
    ping(&format!("https::addr=127.0.0.1:{port};tls_ca=pem_file;tls_roots={file};")).await.unwrap();
    ping(&format!("https::addr=127.0.0.1:{port};tls_verify=unsafe_off;")).await.unwrap();
}

#[tokio::test]
async fn a_stranger_s_certificate_is_not_trusted() {
    let port = peer().await;
    let error = ping(&format!("https::addr=127.0.0.1:{port};")).await.unwrap_err();
    let QuestDbError::Http(HttpError::NotSent(why)) = &error else { panic!("{error:?}") };
    assert!(why.contains("TLS") && why.contains("certificate"), "{why}");
}

#[tokio::test]
async fn the_registry_s_certificate_is_checked_likewise() {
    let port = peer().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, CERTIFICATE).unwrap();
    let config = RegistryConfig::new(vec![format!("https://localhost:{port}").parse().unwrap()]);
    let error = Registry::new(&config).unwrap().visit().await.unwrap_err().to_string();
    assert!(error.contains("TLS") && error.contains("certificate"), "{error}");
    let trusting = RegistryConfig { tls_roots: Some(file), ..config.clone() };
    Registry::new(&trusting).unwrap().visit().await.unwrap();
    let careless = RegistryConfig { tls_verify: false, ..config.clone() };
    Registry::new(&careless).unwrap().visit().await.unwrap();
    let missing = RegistryConfig { tls_roots: Some("/nowhere/ca.pem".into()), ..config };
    assert!(Registry::new(&missing).unwrap_err().contains("/nowhere/ca.pem"));
}

#[test]
fn a_missing_file_is_an_error_at_once() {
    let error = QuestDb::from_conf("https::addr=a;tls_roots=/nowhere/ca.pem;").unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}
