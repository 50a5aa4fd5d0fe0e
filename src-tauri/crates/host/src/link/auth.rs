//! Authentication, in OpenSSH's order: agent, key files, keyboard-interactive, password.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::{AgentClient, AgentStream};
use russh::keys::{Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{MethodKind, MethodSet, Signer};
use slipway_core::secret::Secret;

use super::host_key::{Ending, Judge};
use super::keys::{FileSigner, KeyFile, NotSigned};
use super::pause::Pause;
use super::{STEP_LIMIT, after};
use crate::error::{Attempt, AttemptResult, ConnectError, KeyProblem};
use crate::target::{Challenge, Credentials, Observer, Question, Step, Target};

/// Keys offered before giving up: `sshd` hangs up at the sixth failure (`MaxAuthTries 6`), and a password may still follow.
const MOST_KEYS: usize = 5;
/// How long an agent may take to sign: `sshd` hangs up after two minutes (`LoginGraceTime 120`).
const LONGEST_CONFIRMATION: Duration = Duration::from_secs(110);
/// Rounds of questions answered in one keyboard-interactive conversation.
const MOST_ROUNDS: usize = 8;

type Agent = AgentClient<Box<dyn AgentStream + Send + Unpin>>;

/// One authentication of one session.
pub(crate) struct Login<'a> {
    pub(crate) handle: &'a mut Handle<Judge>,
    pub(crate) target: &'a Target,
    pub(crate) credentials: &'a dyn Credentials,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) pause: &'a Pause,
    pub(crate) ending: &'a Ending,
}

/// A key that is offered.
struct Offer {
    public: PublicKey,
    certificate: Option<Certificate>,
    /// The private key, when it signs without asking anybody. The host is then not asked first whether it would take the key,
    /// which spares people a passphrase or a touch and costs a round trip.
    open: Option<Arc<PrivateKey>>,
}

/// What is known while methods are tried.
#[derive(Default)]
struct Progress {
    tried: Vec<Attempt>,
    offered: Vec<MethodKind>,
    /// Everything the host ever offered, for the error.
    ever_offered: Vec<MethodKind>,
    keys: usize,
    done: bool,
    password_used: bool,
    unusable: Vec<(std::path::PathBuf, KeyProblem)>,
}

impl Progress {
    fn offers(&self, method: MethodKind) -> bool {
        !self.done && self.offered.contains(&method)
    }

    fn note(&mut self, method: String, result: AttemptResult) {
        self.tried.push(Attempt { method, result });
    }

    fn offered_now(&mut self, methods: &MethodSet) {
        self.offered = methods.to_vec();
        for method in methods.iter() {
            if !self.ever_offered.contains(method) {
                self.ever_offered.push(*method);
            }
        }
    }
}

impl Login<'_> {
    /// Logs in, or says what was tried.
    pub(crate) async fn run(mut self) -> Result<(), ConnectError> {
        // Which methods it takes the host says whenever it refuses one. To ask before the first key costs a round trip.
        let mut progress = Progress { offered: vec![MethodKind::PublicKey], ..Progress::default() };
        self.with_keys(&mut progress).await?;
        if !progress.done && progress.ever_offered.is_empty() {
            let none = self.handle.authenticate_none(self.target.user.as_str());
            match after(self.pause, self.target, "asking for login methods", none).await? {
                Ok(result) => self.take(&mut progress, None, result),
                Err(error) => return Err(self.gone(&error)),
            }
        }
        if progress.offers(MethodKind::KeyboardInteractive) {
            self.with_questions(&mut progress).await?;
        }
        if progress.offers(MethodKind::Password) && !progress.password_used {
            self.with_password(&mut progress).await?;
        }
        if progress.done { Ok(()) } else { Err(self.failed(progress)) }
    }

    fn gone(&self, error: &russh::Error) -> ConnectError {
        let why = self.ending.why().unwrap_or_else(|| error.to_string());
        ConnectError::NotSsh { host: self.target.name.clone(), why }
    }

    fn failed(&self, mut progress: Progress) -> ConnectError {
        let host = self.target.name.clone();
        if let Some(why) = self.ending.why().filter(|_| self.handle.is_closed()) {
            progress.note(why, AttemptResult::Refused);
        }
        let refused = progress.tried.iter().any(|attempt| attempt.result == AttemptResult::Refused);
        if !refused
            && progress.unusable.len() == 1
            && let Some((path, why)) = progress.unusable.pop()
        {
            return ConnectError::KeyUnreadable { host, path, why };
        }
        let offered = progress.ever_offered.iter().map(String::from).collect();
        ConnectError::AuthenticationFailed { host, user: self.target.user.clone(), tried: progress.tried, offered }
    }

    /// Takes a result in; `method` is `None` for the mere question, which is no attempt.
    fn take(&self, progress: &mut Progress, method: Option<String>, result: AuthResult) {
        match result {
            AuthResult::Success => progress.done = true,
            AuthResult::Failure { remaining_methods, partial_success } => {
                progress.offered_now(&remaining_methods);
                if let Some(method) = method {
                    let result = if partial_success { AttemptResult::Partial } else { AttemptResult::Refused };
                    progress.note(method, result);
                }
            }
        }
    }

    fn announce(&self, method: &str) {
        self.observer.step(Step::Authenticating { host: self.target.name.clone(), method: method.to_owned() });
    }

    async fn with_keys(&mut self, progress: &mut Progress) -> Result<(), ConnectError> {
        if !progress.offers(MethodKind::PublicKey) {
            return Ok(());
        }
        let mut files = self.key_files(progress);
        let (mut agent, identities) = self.wanted_of_agent(progress).await;
        let is_file = |identity: &AgentIdentity| {
            let public = identity.public_key();
            files.iter().any(|file| file.public.as_ref().is_some_and(|key| key.key_data() == public.key_data()))
        };
        // Keys of the agent that are also named as files come first, then the agent's others, then files the agent lacks.
        let (named, others): (Vec<_>, Vec<_>) = identities.iter().partition(|identity| is_file(identity));
        let in_agent = |file: &KeyFile| {
            let public = file.public.as_ref().map(PublicKey::key_data);
            public.is_some_and(|key| identities.iter().any(|identity| identity.public_key().key_data() == key))
        };
        let absent: Vec<bool> = files.iter().map(|file| !in_agent(file)).collect();
        let room = MOST_KEYS.saturating_sub(named.len() + absent.iter().filter(|absent| **absent).count()).max(1);
        let chosen = self.target.agent_key.is_some();
        let allowed = if self.target.identities_only && !chosen { 0 } else { room };
        if (!self.target.identities_only || chosen) && others.len() > allowed {
            progress.note(format!("{} more keys of the agent", others.len() - allowed), AttemptResult::TooMany);
        }
        if let Some(agent) = &mut agent {
            for identity in named.into_iter().chain(others.into_iter().take(allowed)) {
                self.with_agent_key(progress, agent, identity).await?;
            }
        }
        for (file, absent) in files.iter_mut().zip(absent) {
            // With an agent that holds the key, certificates beside the file may still be of use.
            if absent || !file.certificates.is_empty() {
                self.with_file(progress, file, absent).await?;
            }
        }
        Ok(())
    }

    /// The key files that can be read; the others are noted.
    fn key_files(&self, progress: &mut Progress) -> Vec<KeyFile> {
        let mut files = Vec::new();
        for path in &self.target.identities {
            match KeyFile::read(path, &self.target.certificates) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => {}
                Err(why) => {
                    progress.note(format!("publickey {}", path.display()), AttemptResult::Key(why.clone()));
                    progress.unusable.push((path.clone(), why));
                }
            }
        }
        files
    }

    /// The agent and those of its keys that may be tried: all, or the one that was chosen.
    async fn wanted_of_agent(&self, progress: &mut Progress) -> (Option<Agent>, Vec<AgentIdentity>) {
        let (agent, mut identities) = self.agent(progress).await;
        if let Some(wanted) = &self.target.agent_key {
            let held = identities.len();
            identities.retain(|key| key.public_key().fingerprint(HashAlg::Sha256).to_string() == *wanted);
            if agent.is_some() && identities.is_empty() {
                let why = format!("it holds {held} keys, and {wanted} is not among them");
                progress.note("agent".to_owned(), AttemptResult::Agent(why));
            }
        }
        (agent, identities)
    }

    /// The agent and what it holds; an agent that cannot be used is noted and passed over.
    #[cfg(unix)]
    async fn agent(&self, progress: &mut Progress) -> (Option<Agent>, Vec<AgentIdentity>) {
        let Some(socket) = &self.target.agent else { return (None, Vec::new()) };
        let ask = async {
            let mut agent = AgentClient::connect_uds(socket).await?.dynamic();
            if let Some(binding) = self.handle.agent_session_binding() {
                // Agents other than OpenSSH's do not know this extension; keys that need it will not sign then.
                let _ = agent.bind_session(binding, false).await;
            }
            let identities = agent.request_identities().await?;
            Ok::<_, russh::keys::Error>((agent, identities))
        };
        match tokio::time::timeout(STEP_LIMIT, ask).await {
            Ok(Ok((agent, identities))) => (Some(agent), identities),
            Ok(Err(error)) => {
                progress.note(format!("agent {}", socket.display()), AttemptResult::Agent(error.to_string()));
                (None, Vec::new())
            }
            Err(_) => {
                progress.note(format!("agent {}", socket.display()), AttemptResult::Agent("no answer".into()));
                (None, Vec::new())
            }
        }
    }

    #[cfg(not(unix))]
    async fn agent(&self, _progress: &mut Progress) -> (Option<Agent>, Vec<AgentIdentity>) {
        (None, Vec::new())
    }

    async fn with_agent_key(
        &mut self,
        progress: &mut Progress,
        agent: &mut Agent,
        identity: &AgentIdentity,
    ) -> Result<(), ConnectError> {
        let public = identity.public_key().into_owned();
        let print = public.fingerprint(HashAlg::Sha256);
        let method = format!("publickey {print} {} (agent)", identity.comment()).replace("  ", " ");
        let certificate = match identity {
            AgentIdentity::PublicKey { .. } => None,
            AgentIdentity::Certificate { certificate, .. } => Some(certificate.clone()),
        };
        let mut signer = AgentSigner(agent, self.pause);
        let offer = Offer { public, certificate, open: None };
        self.offer(progress, method, offer, &mut signer).await.map(|_| ())
    }

    async fn with_file(
        &mut self,
        progress: &mut Progress,
        file: &mut KeyFile,
        plain_too: bool,
    ) -> Result<(), ConnectError> {
        let method = format!("publickey {}", file.path.display());
        if file.public.is_none() && progress.offers(MethodKind::PublicKey) {
            // Without its public half nothing can be offered before the passphrase is known.
            if let Err(why) = file.open(self.target, self.credentials, self.pause).await {
                progress.unusable.push((file.path.clone(), why.clone()));
                progress.note(method, AttemptResult::Key(why));
                return Ok(());
            }
        }
        let Some(public) = file.public.clone() else { return Ok(()) };
        let path = file.path.clone();
        let (target, credentials, pause) = (self.target, self.credentials, self.pause);
        for certificate in file.certificates.clone() {
            let method = format!("publickey certificate of {}", path.display());
            let mut signer = FileSigner { file, target, credentials, pause };
            let offer = Offer { public: public.clone(), certificate: Some(certificate), open: None };
            if let Some(why) = self.offer(progress, method, offer, &mut signer).await? {
                progress.unusable.push((path, why));
                return Ok(());
            }
        }
        if plain_too {
            let offer = Offer { public, certificate: None, open: file.opened() };
            let mut signer = FileSigner { file, target, credentials, pause };
            if let Some(why) = self.offer(progress, method, offer, &mut signer).await? {
                progress.unusable.push((path, why));
            }
        }
        Ok(())
    }

    /// Offers one key. Returns why it cannot be used, when it is the key that is at fault.
    async fn offer<S: Signer<Error = NotSigned>>(
        &mut self,
        progress: &mut Progress,
        method: String,
        Offer { public, certificate, open }: Offer,
        signer: &mut S,
    ) -> Result<Option<KeyProblem>, ConnectError> {
        if !progress.offers(MethodKind::PublicKey) || self.handle.is_closed() {
            return Ok(None);
        }
        if progress.keys >= MOST_KEYS {
            progress.note(method, AttemptResult::TooMany);
            return Ok(None);
        }
        let hash = match self.hash_for(&public).await? {
            Ok(hash) => hash,
            Err(why) => {
                progress.note(method, AttemptResult::Key(why.clone()));
                return Ok(Some(why));
            }
        };
        self.announce(&method);
        progress.keys += 1;
        let user = self.target.user.as_str();
        let result = match (certificate, open) {
            (Some(certificate), _) => {
                let attempt = self.handle.authenticate_certificate_with(user, certificate, hash, signer);
                after(self.pause, self.target, "login", attempt).await?
            }
            (None, Some(key)) => {
                let attempt = self.handle.authenticate_publickey(user, PrivateKeyWithHashAlg::new(key, hash));
                let result = after(self.pause, self.target, "login", attempt).await?;
                Ok(result.map_err(|error| self.gone(&error))?)
            }
            (None, None) => {
                let attempt = self.handle.authenticate_publickey_with(user, public, hash, signer);
                after(self.pause, self.target, "login", attempt).await?
            }
        };
        match result {
            Ok(result) => {
                self.take(progress, Some(method), result);
                Ok(None)
            }
            Err(NotSigned::Gone) => Err(self.gone(&russh::Error::Disconnect)),
            Err(NotSigned::Agent(why)) => {
                progress.note(method, AttemptResult::Agent(why));
                Ok(None)
            }
            Err(NotSigned::Key(why)) => {
                progress.note(method, AttemptResult::Key(why.clone()));
                Ok(Some(why))
            }
        }
    }

    /// The digest for signatures by a key, where its kind leaves that open; why it cannot sign, when the host takes SHA-1 only.
    async fn hash_for(&self, public: &PublicKey) -> Result<Result<Option<HashAlg>, KeyProblem>, ConnectError> {
        if !public.algorithm().is_rsa() {
            return Ok(Ok(None));
        }
        match after(self.pause, self.target, "login", self.handle.best_supported_rsa_hash()).await? {
            Ok(Some(None)) => Ok(Err(KeyProblem::Sha1Only)),
            Ok(Some(hash)) => Ok(Ok(hash)),
            // Every supported distribution's sshd takes it, whether it says so or not (OpenSSH 7.2, 2016).
            Ok(None) => Ok(Ok(Some(HashAlg::Sha512))),
            Err(error) => Err(self.gone(&error)),
        }
    }

    async fn with_questions(&mut self, progress: &mut Progress) -> Result<(), ConnectError> {
        let method = "keyboard-interactive".to_owned();
        self.announce(&method);
        let start = self.handle.authenticate_keyboard_interactive_start(self.target.user.as_str(), None);
        let mut reply = after(self.pause, self.target, "login", start).await?.map_err(|error| self.gone(&error))?;
        for _ in 0..MOST_ROUNDS {
            let challenge = match reply {
                KeyboardInteractiveAuthResponse::Success => {
                    progress.done = true;
                    return Ok(());
                }
                KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                    self.take(progress, Some(method), AuthResult::Failure { remaining_methods, partial_success });
                    return Ok(());
                }
                KeyboardInteractiveAuthResponse::InfoRequest { name, instructions, prompts } => {
                    let questions =
                        prompts.into_iter().map(|prompt| Question { text: prompt.prompt, echo: prompt.echo });
                    Challenge { name, instructions, questions: questions.collect() }
                }
            };
            let Some(answers) = self.answers(progress, &challenge).await else {
                progress.note(method, AttemptResult::NothingSupplied);
                return Ok(());
            };
            let answers = answers.iter().map(text_of).collect();
            let respond = self.handle.authenticate_keyboard_interactive_respond(answers);
            reply = after(self.pause, self.target, "login", respond).await?.map_err(|error| self.gone(&error))?;
        }
        progress.note(method, AttemptResult::Refused);
        Ok(())
    }

    async fn answers(&self, progress: &mut Progress, challenge: &Challenge) -> Option<Vec<Secret>> {
        if challenge.questions.is_empty() {
            return Some(Vec::new());
        }
        let asked = self.credentials.keyboard_interactive(self.target, challenge);
        if let Some(answers) = self.pause.during(asked).await {
            return (answers.len() == challenge.questions.len()).then_some(answers);
        }
        let [Question { echo: false, .. }] = challenge.questions.as_slice() else { return None };
        if progress.password_used {
            return None;
        }
        let password = self.pause.during(self.credentials.password(self.target)).await?;
        progress.password_used = true;
        Some(vec![password])
    }

    async fn with_password(&mut self, progress: &mut Progress) -> Result<(), ConnectError> {
        let method = "password".to_owned();
        let Some(password) = self.pause.during(self.credentials.password(self.target)).await else {
            progress.note(method, AttemptResult::NothingSupplied);
            return Ok(());
        };
        self.announce(&method);
        progress.password_used = true;
        let attempt = self.handle.authenticate_password(self.target.user.as_str(), text_of(&password));
        match after(self.pause, self.target, "login", attempt).await? {
            Ok(result) => self.take(progress, Some(method), result),
            Err(error) => return Err(self.gone(&error)),
        }
        Ok(())
    }
}

/// russh takes passwords as text; its copies are its own.
fn text_of(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

/// Signs with the agent, which may ask a person to confirm or to touch a key.
struct AgentSigner<'a>(&'a mut Agent, &'a Pause);

impl Signer for AgentSigner<'_> {
    type Error = NotSigned;

    async fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, NotSigned> {
        let signing = tokio::time::timeout(LONGEST_CONFIRMATION, self.0.sign_request(key, hash, data));
        match self.1.during(signing).await {
            Ok(signed) => signed.map_err(|error| NotSigned::Agent(error.to_string())),
            Err(_) => Err(NotSigned::Agent("it did not answer".into())),
        }
    }
}

/// Keeps a credential source alive for as long as a session may ask.
pub(crate) type SharedCredentials = Arc<dyn Credentials>;
