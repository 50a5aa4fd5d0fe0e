//! The russh handler: judges the host's key, refuses whatever the host tries to open, notes why a session ended.

use std::sync::{Arc, Mutex, PoisonError};

use russh::client::{DisconnectReason, Handler, Msg, Session};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelId, ChannelOpenFailure};

use super::pause::Pause;
use crate::error::ConnectError;
use crate::known_hosts::{KnownHosts, Verdict, fingerprint, pattern, store};
use crate::target::{Decision, HostKeyDecision, Observer, PresentedKey, Step, Target};

/// Most bytes of a banner that are handed on.
const BANNER_LIMIT: usize = 4096;

/// Why the session ended, and what the host last said about a channel it refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending(Arc<Mutex<(Option<String>, Option<String>)>>);

impl Ending {
    /// Why the session ended, when that is known.
    pub(crate) fn why(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// What the host said when it refused a channel. russh answers the request just before it hands on the text.
    pub(crate) async fn refusal(&self) -> Option<String> {
        for _ in 0..100 {
            let said = self.0.lock().unwrap_or_else(PoisonError::into_inner).1.take();
            if said.is_some() {
                return said;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        None
    }

    fn note(&self, why: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get_or_insert(why);
    }

    fn note_refusal(&self, why: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(why);
    }
}

/// What ends a session: russh's own reason, or a host key that is not accepted.
#[derive(Debug)]
pub(crate) enum Ended {
    Russh(russh::Error),
    HostKey(Box<ConnectError>),
}

impl From<russh::Error> for Ended {
    fn from(error: russh::Error) -> Self {
        Self::Russh(error)
    }
}

/// Judges one session's host key.
pub(crate) struct Judge {
    pub(crate) target: Target,
    pub(crate) known: Arc<KnownHosts>,
    pub(crate) decision: Arc<dyn HostKeyDecision>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) pause: Pause,
    pub(crate) ending: Ending,
}

impl Judge {
    async fn judge(&self, presented: &PublicKeyOrCertificate) -> Result<(), ConnectError> {
        let host = self.target.name.clone();
        let name = self.target.host_key_name();
        let not_ssh = |why: &str| ConnectError::NotSsh { host: host.clone(), why: why.to_owned() };
        let public = presented.public_key();
        let blob = public.to_bytes().map_err(|_| not_ssh("its host key cannot be encoded"))?;
        let mut verdict = self.known.check(&name, &blob);
        if let PublicKeyOrCertificate::Certificate(certificate) = presented
            && !matches!(verdict, Verdict::Revoked(_))
        {
            let authority = PublicKey::from(certificate.signature_key().clone());
            let authority = authority.to_bytes().map_err(|_| not_ssh("its certificate cannot be encoded"))?;
            if let Some(place) = self.known.revoked(&name, &authority) {
                verdict = Verdict::Revoked(place);
            } else if let Some(place) = self.known.authority(&name, &authority)
                && vouches(certificate, &self.principal())
            {
                verdict = Verdict::Known(place);
            }
            // Otherwise, as in OpenSSH, the certificate is set aside and the plain key decides.
        }
        let key = Box::new(self.describe(&public, &blob, verdict.clone()));
        self.observer.step(Step::HostKey { host: host.clone(), key: key.clone() });
        match verdict {
            Verdict::Known(_) => Ok(()),
            Verdict::Revoked(place) => Err(ConnectError::HostKeyRevoked { host, place, key }),
            Verdict::Changed(expected) => Err(ConnectError::HostKeyChanged { host, expected, key }),
            Verdict::Unknown => self.decide(&name, &blob, key).await,
        }
    }

    /// The name a host certificate must carry: without the port.
    fn principal(&self) -> String {
        self.target.host_key_alias.as_deref().unwrap_or(&self.target.address).to_ascii_lowercase()
    }

    async fn decide(&self, name: &str, blob: &[u8], key: Box<PresentedKey>) -> Result<(), ConnectError> {
        let decision = match &self.target.fingerprint {
            Some(wanted) if *wanted == key.fingerprint => Decision::Remember,
            Some(_) => Decision::Reject,
            None => self.pause.during(self.decision.unknown(&key)).await,
        };
        match decision {
            Decision::Reject => Err(ConnectError::HostKeyUnknown { host: self.target.name.clone(), key }),
            Decision::Remember => {
                if let Some(file) = &self.target.remember_in
                    && let Err(error) = store::remember(file, name, &key.algorithm, blob, self.target.hash_known_hosts)
                {
                    let why = format!("{}: {error}", file.display());
                    self.observer.step(Step::NotRemembered { host: self.target.name.clone(), why });
                }
                Ok(())
            }
        }
    }

    fn describe(&self, public: &PublicKey, blob: &[u8], verdict: Verdict) -> PresentedKey {
        let print = public.fingerprint(HashAlg::Sha256);
        // The key itself, whatever hash its signature was made with.
        let algorithm = match public.algorithm() {
            Algorithm::Rsa { .. } => "ssh-rsa".to_owned(),
            other => other.to_string(),
        };
        PresentedKey {
            name: self.target.name.clone(),
            address: self.target.address.clone(),
            port: self.target.port,
            randomart: print.to_randomart(&format!("[{}]", algorithm.trim_start_matches("ssh-").to_uppercase())),
            fingerprint: fingerprint(blob),
            algorithm,
            verdict,
        }
    }
}

/// Whether a host certificate is valid now for `name`. Its authority must have been found trusted before.
///
/// Follows OpenSSH's `sshkey_cert_check_host`; stricter in that a certificate without principals is refused.
fn vouches(certificate: &Certificate, name: &str) -> bool {
    let authority = PublicKey::from(certificate.signature_key().clone()).fingerprint(HashAlg::Sha256);
    certificate.cert_type() == CertType::Host
        && certificate.critical_options().is_empty()
        // A signature of the authority with SHA-1 is not acceptable (ssh_config(5) CASignatureAlgorithms).
        && !matches!(certificate.signature().algorithm(), Algorithm::Rsa { hash: None } | Algorithm::Dsa)
        && certificate.validate(std::iter::once(&authority)).is_ok()
        && certificate
            .valid_principals()
            .iter()
            .any(|principal| pattern::matches(name.as_bytes(), principal.to_ascii_lowercase().as_bytes()))
}

impl Handler for Judge {
    type Error = Ended;

    async fn auth_banner(&mut self, banner: &str, _session: &mut Session) -> Result<(), Ended> {
        let text: String = banner.chars().take(BANNER_LIMIT).collect();
        self.observer.step(Step::Banner { host: self.target.name.clone(), text });
        Ok(())
    }

    async fn check_server_key(&mut self, presented: &PublicKeyOrCertificate) -> Result<bool, Ended> {
        self.judge(presented).await.map(|()| true).map_err(|error| Ended::HostKey(Box::new(error)))
    }

    async fn channel_open_failure(
        &mut self,
        _channel: ChannelId,
        reason: ChannelOpenFailure,
        description: &str,
        _language: &str,
        _session: &mut Session,
    ) -> Result<(), Ended> {
        let text: String = description.chars().take(200).collect();
        self.ending.note_refusal(if text.is_empty() { format!("{reason:?}") } else { text });
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Ended>) -> Result<(), Ended> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let text: String = info.message.chars().take(200).collect();
                self.ending.note(format!("the host closed it: {text}"));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                if let Ended::Russh(error) = &error {
                    self.ending.note(error.to_string());
                }
                Err(error)
            }
        }
    }

    // A host has no business opening channels to us: no agent, no X11, no forwarded ports. Dropping `reply` refuses.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _connected_address: &str,
        _connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: russh::client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: russh::client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        _reply: russh::client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        _reply: russh::client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: russh::client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: russh::client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        _reply: russh::client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(())
    }
}
