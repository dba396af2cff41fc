use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{Tls, TrustedRoots};

/// The TLS settings that are asked for.
///
/// # Errors
/// Says which certificates could not be read.
pub(super) fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?;
    let config = if tls.verify {
        builder.with_root_certificates(roots(&tls.roots)?).with_no_client_auth()
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth()
    };
    Ok(Arc::new(config))
}

fn roots(trusted: &TrustedRoots) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    if matches!(trusted, TrustedRoots::Webpki | TrustedRoots::WebpkiAndOs) {
        store.roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if matches!(trusted, TrustedRoots::Os | TrustedRoots::WebpkiAndOs) {
        let loaded = rustls_native_certs::load_native_certs();
        let (added, _) = store.add_parsable_certificates(loaded.certs);
        if added == 0 {
            let errors: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
            return Err(format!(
                "tls_ca: the operating system has no usable root certificates {}",
                errors.join(", ")
            ));
        }
    }
    if let TrustedRoots::PemFile(path) = trusted {
        let cannot =
            |error: &dyn std::fmt::Display| format!("tls_roots: cannot read {}: {error}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| cannot(&error))? {
            let certificate = certificate.map_err(|error| cannot(&error))?;
            store.add(certificate).map_err(|error| cannot(&error))?;
        }
        if store.is_empty() {
            return Err(cannot(&"it holds no certificate"));
        }
    }
    Ok(store)
}

/// `tls_verify=unsafe_off`: encrypts, but trusts whoever answers.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
