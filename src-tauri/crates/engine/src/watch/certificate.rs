//! The certificate of a site as nginx serves it, beside the one on the host's disk.

use jiff::Timestamp;
use serde::Serialize;
use slipway_core::command::{Command, Output};
use slipway_core::digest::hex;
use slipway_core::facts::Facts;
use slipway_core::release::Layout;
use slipway_core::site::Name;
use slipway_host::Batch;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::known;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;

/// Names of a certificate that are given.
const MOST_NAMES: usize = 200;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Served {
    /// The name that was asked for.
    pub asked_for: String,
    /// The certificate that nginx shows.
    pub served: Option<Certificate>,
    /// The one in the file that nginx was told to use.
    pub on_disk: Option<Certificate>,
    /// Whether the two differ: nginx has not been told of the file yet.
    pub differs: bool,
    /// Whether the served one names what was asked for.
    pub names_it: bool,
    /// Why the served one is not known.
    pub problem: Option<String>,
}

/// A certificate. Names in it are untrusted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Whom it is for.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// DNS names and addresses in it.
    pub names: Vec<String>,
    /// From when it holds.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// Whether it is signed by itself, so that browsers warn.
    pub self_signed: bool,
    /// SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
}

const SERVED: &str = r#"
if command -v openssl >/dev/null 2>&1; then
    timeout 10 openssl s_client -connect "$1" -servername "$2" </dev/null 2>/dev/null | sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p'
elif command -v python3 >/dev/null 2>&1; then
    timeout 10 python3 -c '
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), 8) as plain, context.wrap_socket(plain, server_hostname=sys.argv[2]) as link:
    print(ssl.DER_cert_to_PEM_cert(link.getpeercert(True)))
' "$1" "$2"
else
    echo 'neither openssl nor python3 is there to ask with' >&2
    exit 1
fi
"#;
const ON_DISK: &str = r#"[ ! -e "$1" ] || head -c 65536 -- "$1""#;

/// The certificate that nginx serves for a site: one round trip. None when the site is served without encryption, or
/// not at all yet.
///
/// # Errors
/// When the host cannot be asked, or the site is not on it.
pub async fn served(link: &Link, facts: &Facts, site: &Name) -> Outcome<Option<Served>> {
    let manifest = known(link, facts, site)?;
    let Some((url, resolve)) = &manifest.front else { return Ok(None) };
    if !url.starts_with("https://") {
        return Ok(None);
    }
    let strange = || Failure::new(Code::Host, format!("{}: the record of {site} names no address", link.name()));
    // curl's form: NAME:PORT:ADDRESS.
    let mut parts = resolve.splitn(3, ':');
    let (Some(name), Some(port), Some(address)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(strange());
    };
    let commands = [
        Command::script(SERVED, [format!("{address}:{port}"), name.to_owned()]),
        Command::script(ON_DISK, [format!("{}/fullchain.pem", Layout::new(site).tls())]),
    ];
    let outputs = link.batch(Batch::all(commands)).await?;
    let [served, on_disk] = outputs.as_slice() else { return Err(strange()) };
    Ok(Some(compare(name, served, on_disk)))
}

fn compare(asked_for: &str, served: &Output, on_disk: &Output) -> Served {
    let (served, problem) = match first(&served.stdout) {
        Ok(certificate) => (Some(certificate), None),
        Err(_) if served.stdout.is_empty() => {
            let said = served.complaint();
            let why = if said.is_empty() { "nginx shows none".to_owned() } else { said };
            (None, Some(why))
        }
        Err(why) => (None, Some(why)),
    };
    let on_disk = first(&on_disk.stdout).ok();
    let print = |certificate: &Option<Certificate>| certificate.as_ref().map(|known| known.fingerprint.clone());
    let differs = served.is_some() && on_disk.is_some() && print(&served) != print(&on_disk);
    let names_it = served.as_ref().is_some_and(|known| known.names.iter().any(|name| covers(name, asked_for)));
    Served { asked_for: asked_for.to_owned(), served, on_disk, differs, names_it, problem }
}

/// Whether a name of a certificate means `host`; a star stands for one label (RFC 9525, section 6.3).
fn covers(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let rest = host.split_once('.').map(|(_, rest)| rest);
    name.strip_prefix("*.").zip(rest).is_some_and(|(name, rest)| name.eq_ignore_ascii_case(rest))
}

/// The first certificate of a PEM text.
fn first(text: &[u8]) -> Result<Certificate, String> {
    let wrong = |why: String| format!("the certificate cannot be read: {why}");
    let pem = Pem::iter_from_buffer(text)
        .next()
        .ok_or_else(|| wrong("there is none".to_owned()))?
        .map_err(|error| wrong(error.to_string()))?;
    let (_, parsed) = X509Certificate::from_der(&pem.contents).map_err(|error| wrong(error.to_string()))?;
    let time = |seconds: i64| Timestamp::from_second(seconds).map_err(|error| wrong(error.to_string()));
    let names = parsed.subject_alternative_name().ok().flatten().map(|extension| &extension.value.general_names);
    Ok(Certificate {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        names: names.into_iter().flatten().filter_map(name).take(MOST_NAMES).collect(),
        not_before: time(parsed.validity().not_before.timestamp())?,
        not_after: time(parsed.validity().not_after.timestamp())?,
        self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw(),
        fingerprint: slipway_core::digest::Digest::of(&pem.contents).to_string(),
    })
}

fn name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => Some(match *bytes {
            [a, b, c, d] => std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string(),
            bytes => match <[u8; 16]>::try_from(bytes) {
                Ok(bytes) => std::net::Ipv6Addr::from(bytes).to_string(),
                Err(_) => hex(bytes),
            },
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use slipway_core::command::Exit;

    use super::*;

    fn made(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn output(text: &str, complaint: &str) -> Output {
        let exit = Exit::Code(u8::from(!complaint.is_empty()));
        Output { exit, stdout: text.into(), stderr: complaint.into(), truncated: false }
    }

    #[test]
    fn what_is_served_is_read_and_compared_with_the_file() {
        let (one, other) = (made(&["shop.test", "*.shop.test", "192.0.2.7"]), made(&["shop.test"]));
        let same = compare("shop.test", &output(&one, ""), &output(&format!("{one}{other}"), ""));
        let served = same.served.clone().unwrap();
        assert_eq!(served.names, ["shop.test", "*.shop.test", "192.0.2.7"]);
        assert!(served.self_signed && !same.differs && same.names_it && served.not_before < served.not_after);
        assert_eq!(served.fingerprint.len(), 64);
        let stale = compare("a.shop.test", &output(&one, ""), &output(&other, ""));
        assert!(stale.differs && stale.names_it);
        let foreign = compare("other.test", &output(&one, ""), &output(&one, ""));
        assert!(!foreign.names_it && !covers("*.shop.test", "a.b.shop.test"));
    }

    #[test]
    fn what_cannot_be_read_is_a_problem_and_not_a_certificate() {
        let whole = made(&["shop.test"]);
        for text in
            ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "hello", &whole[..whole.len() / 2]]
        {
            let seen = compare("shop.test", &output(text, ""), &output(&whole, ""));
            assert!(seen.served.is_none() && seen.problem.is_some() && !seen.differs && !seen.names_it, "{text:?}");
        }
        let absent = compare("shop.test", &output("", "neither openssl nor python3"), &output("", ""));
        assert_eq!(absent.problem.as_deref(), Some("neither openssl nor python3"));
    }
}
