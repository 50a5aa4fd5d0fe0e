//! Password and questions, against an SSH server inside the test: a real sshd would need an account with a password.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, Config, Handler, Response, Server as _, Session};
use russh::{MethodKind, MethodSet};
use slipway_core::secret::Secret;
use slipway_host::{AttemptResult, Challenge, ConnectError, Credentials, Decision, Step, Target, connect};

const RIGHT: &str = "pässword";

#[derive(Clone, Default)]
struct Fake {
    seen: Arc<Mutex<Vec<String>>>,
    /// Questions of the first round; empty when questions are not offered.
    questions: Vec<(&'static str, bool)>,
    /// A password is wanted after the questions.
    both: bool,
}

impl russh::server::Server for Fake {
    type Handler = Self;
    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Self {
        self.clone()
    }
}

fn refuse(methods: &[MethodKind], partial_success: bool) -> Auth {
    Auth::Reject { proceed_with_methods: Some(MethodSet::from(methods)), partial_success }
}

impl Handler for Fake {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, Self::Error> {
        let first = if self.questions.is_empty() { MethodKind::Password } else { MethodKind::KeyboardInteractive };
        Ok(refuse(&[first], false))
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, Self::Error> {
        self.seen.lock().unwrap().push(format!("password {password}"));
        Ok(if password == RIGHT { Auth::Accept } else { refuse(&[MethodKind::Password], false) })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(response) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "Say it".into(),
                prompts: self.questions.iter().map(|(text, echo)| ((*text).into(), *echo)).collect::<Vec<_>>().into(),
            });
        };
        let answers: Vec<String> = response.map(|answer| String::from_utf8_lossy(&answer).into_owned()).collect();
        self.seen.lock().unwrap().push(format!("answers {}", answers.join("|")));
        if answers.first().map(String::as_str) != Some(RIGHT) {
            return Ok(refuse(&[MethodKind::KeyboardInteractive, MethodKind::Password], false));
        }
        Ok(if self.both { refuse(&[MethodKind::Password], true) } else { Auth::Accept })
    }

    async fn channel_open_session(
        &mut self,
        _: russh::Channel<russh::server::Msg>,
        reply: russh::server::ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        drop(reply);
        Ok(())
    }
}

/// Serves on a free port until the test's runtime ends.
async fn serve(mut fake: Fake) -> Target {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    let config = Config {
        keys: vec![key],
        auth_rejection_time: std::time::Duration::from_millis(10),
        auth_rejection_time_initial: Some(std::time::Duration::ZERO),
        ..Config::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = Target::new("127.0.0.1", "someone");
    target.port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { fake.run_on_socket(Arc::new(config), &listener).await.unwrap() });
    target
}

#[derive(Default)]
struct Answers {
    password: Option<&'static str>,
    answers: Option<Vec<&'static str>>,
    asked: Mutex<Vec<Challenge>>,
}

impl Credentials for Answers {
    fn password<'a>(&'a self, _: &'a Target) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(async move { self.password.map(Secret::new) })
    }
    fn keyboard_interactive<'a>(&'a self, _: &'a Target, asked: &'a Challenge) -> BoxFuture<'a, Option<Vec<Secret>>> {
        self.asked.lock().unwrap().push(asked.clone());
        Box::pin(async move { self.answers.as_ref().map(|list| list.iter().map(|text| Secret::new(*text)).collect()) })
    }
}

/// The error of a connect; getting as far as the channel, which the fake refuses, is a login that worked.
async fn login(fake: &Fake, answers: Answers) -> Result<(), ConnectError> {
    let target = serve(fake.clone()).await;
    match connect(&target, Arc::new(answers), Arc::new(Decision::Remember), Arc::new(|_: Step| {})).await {
        Err(ConnectError::NoPrivilegedShell { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => panic!(),
    }
}

#[tokio::test]
async fn a_password_is_tried_once() {
    let fake = Fake::default();
    login(&fake, Answers { password: Some(RIGHT), ..Answers::default() }).await.unwrap();
    fake.seen.lock().unwrap().clear();
    let wrong = login(&fake, Answers { password: Some("wrong"), ..Answers::default() }).await;
    let Err(ConnectError::AuthenticationFailed { tried, offered, .. }) = wrong else { panic!("{wrong:?}") };
    assert_eq!((tried.len(), &tried[0].result), (1, &AttemptResult::Refused));
    assert_eq!(offered, ["password"]);
    assert_eq!(*fake.seen.lock().unwrap(), ["password wrong"]);
    let none = login(&fake, Answers::default()).await;
    let Err(ConnectError::AuthenticationFailed { tried, .. }) = none else { panic!("{none:?}") };
    assert_eq!(tried[0].result, AttemptResult::NothingSupplied);
}

#[tokio::test]
async fn questions_are_answered() {
    let fake = Fake { questions: vec![("Password:", false), ("Code:", true)], ..Fake::default() };
    login(&fake, Answers { answers: Some(vec![RIGHT, "123"]), ..Answers::default() }).await.unwrap();
    assert_eq!(*fake.seen.lock().unwrap(), [format!("answers {RIGHT}|123")]);
    let short = login(&fake, Answers { answers: Some(vec![RIGHT]), ..Answers::default() }).await;
    assert!(short.is_err(), "one answer to two questions is none");
    let password = login(&fake, Answers { password: Some(RIGHT), ..Answers::default() }).await;
    assert!(password.is_err(), "a password is no answer to two questions");
}

#[tokio::test]
async fn a_single_hidden_question_takes_the_password_and_it_is_not_tried_twice() {
    let fake = Fake { questions: vec![("Password:", false)], ..Fake::default() };
    login(&fake, Answers { password: Some(RIGHT), ..Answers::default() }).await.unwrap();
    fake.seen.lock().unwrap().clear();
    assert!(login(&fake, Answers { password: Some("wrong"), ..Answers::default() }).await.is_err());
    assert_eq!(*fake.seen.lock().unwrap(), ["answers wrong"]);
    let visible = Fake { questions: vec![("Name:", true)], ..Fake::default() };
    assert!(login(&visible, Answers { password: Some(RIGHT), ..Answers::default() }).await.is_err());
    assert!(visible.seen.lock().unwrap().is_empty(), "a password is never shown");
}

#[tokio::test]
async fn two_factors_work() {
    let fake = Fake { questions: vec![("Code:", true)], both: true, ..Fake::default() };
    let answers = Answers { password: Some(RIGHT), answers: Some(vec![RIGHT]), ..Answers::default() };
    login(&fake, answers).await.unwrap();
    assert_eq!(*fake.seen.lock().unwrap(), [format!("answers {RIGHT}"), format!("password {RIGHT}")]);
}
