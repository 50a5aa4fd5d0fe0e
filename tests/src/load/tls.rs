//! Connections to the site: TCP, TLS with any certificate.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::{Crowd, PATIENCE};

/// The way in, shared by all visitors.
pub(super) struct Door {
    crowd: Crowd,
    plain: TlsConnector,
    offering: TlsConnector,
}

/// What a visitor speaks, if the site does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Door {
    pub(super) fn new(crowd: &Crowd) -> Self {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring has suites for the default versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        let mut offering = config.clone();
        offering.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let connector = |config| TlsConnector::from(Arc::new(config));
        Self { crowd: crowd.clone(), plain: connector(config), offering: connector(offering) }
    }

    pub(super) fn domain(&self) -> &str {
        &self.crowd.domain
    }

    pub(super) async fn enter(&self, protocol: Protocol) -> io::Result<TlsStream<TcpStream>> {
        let opened = async {
            let stream = TcpStream::connect(self.crowd.address).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(self.crowd.domain.clone()).map_err(io::Error::other)?;
            match protocol {
                Protocol::Http1 => self.plain.connect(name, stream).await,
                Protocol::Http2 => self.offering.connect(name, stream).await,
            }
        };
        tokio::time::timeout(PATIENCE.min(Duration::from_secs(20)), opened).await.map_err(io::Error::other)?
    }
}

/// Test hosts have certificates that sign themselves.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
