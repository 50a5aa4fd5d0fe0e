//! A certificate of the operator's own and its key, checked before anything is planned: nginx would refuse to start with a
//! key that it cannot read, or that belongs to another certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PublicKeyData};
use x509_parser::der_parser::parse_der;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Checks that `chain` holds certificates and nothing else, and that `key` is the key of the first of them; the same
/// certificates written anew, without what stands between them. Says what is wrong and never quotes the key.
pub(super) fn check(chain: &str, key: &str) -> Result<String, String> {
    let blocks: Vec<Pem> = Pem::iter_from_buffer(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the certificate is not PEM: {error}"))?;
    if let Some(other) = blocks.iter().find(|block| block.label != "CERTIFICATE") {
        return Err(format!(
            "the certificate's file also holds a block {}; it must hold the certificate and its chain, and nothing else",
            other.label
        ));
    }
    let leaf = blocks.first().ok_or("the certificate's file holds no certificate in PEM")?;
    for (number, block) in blocks.iter().enumerate() {
        X509Certificate::from_der(&block.contents)
            .map_err(|error| format!("certificate {} of the chain cannot be read: {error}", number + 1))?;
    }
    let (_, certificate) = X509Certificate::from_der(&leaf.contents)
        .map_err(|error| format!("the certificate cannot be read: {error}"))?;
    let keys: Vec<Pem> =
        Pem::iter_from_buffer(key.as_bytes()).collect::<Result<_, _>>().map_err(|_| "the key is not PEM".to_owned())?;
    // OpenSSL writes the parameters of a curve in front of its key.
    let mut keys = keys.into_iter().filter(|block| block.label != "EC PARAMETERS");
    let key = keys.next().ok_or("the key is not PEM")?;
    match belongs(&certificate, &key) {
        Some(true) => Ok(written(&blocks)),
        Some(false) => Err("the key belongs to another certificate".to_owned()),
        None if key.label == "ENCRYPTED PRIVATE KEY" => {
            Err("the key is encrypted, and nginx has nobody to ask for its passphrase".to_owned())
        }
        None => Err(format!("the key cannot be read: a block {} that is not such a key", key.label)),
    }
}

/// Certificates in PEM (RFC 7468, section 5).
fn written(blocks: &[Pem]) -> String {
    let mut text = String::new();
    for block in blocks {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(&block.contents);
        for line in encoded.as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

/// Whether a key is a certificate's; none when it cannot be read.
fn belongs(certificate: &X509Certificate<'_>, key: &Pem) -> Option<bool> {
    match key.label.as_str() {
        // PKCS #8 (RFC 5958).
        "PRIVATE KEY" => {
            let pair = KeyPair::try_from(key.contents.as_slice()).ok()?;
            Some(pair.subject_public_key_info() == certificate.public_key().raw)
        }
        // PKCS #1 (RFC 8017, A.1.2): version, modulus, public exponent, ….
        "RSA PRIVATE KEY" => {
            let (_, object) = parse_der(&key.contents).ok()?;
            let modulus = object.as_sequence().ok()?.get(1)?.as_slice().ok()?.to_vec();
            let PublicKey::RSA(public) = certificate.public_key().parsed().ok()? else { return Some(false) };
            let strip = |bytes: &[u8]| bytes.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<u8>>();
            Some(strip(&modulus) == strip(public.modulus))
        }
        // SEC 1 (RFC 5915): version, key, [0] parameters, [1] public key.
        "EC PRIVATE KEY" => {
            let (_, object) = parse_der(&key.contents).ok()?;
            let point = object.as_sequence().ok()?.last()?.as_slice().ok()?.to_vec();
            let PublicKey::EC(public) = certificate.public_key().parsed().ok()? else { return Some(false) };
            // What is left of the tagged bit string ends with the point.
            Some(point.ends_with(public.data()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::CertificateParams;

    use super::*;

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["shop.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_key_belongs_to_its_own_certificate_only() {
        let ((chain, key), (other, other_key)) = (pair(), pair());
        let plain = |pem: &str| pem.replace("\r\n", "\n");
        assert_eq!(check(&chain, &key), Ok(plain(&chain)));
        let both = format!("{chain}{other}");
        assert_eq!(check(&both, &key), Ok(plain(&both)));
        assert_eq!(check(&format!("password: hunter2\n{chain}"), &key), Ok(plain(&chain)));
        assert!(check(&chain, &other_key).unwrap_err().contains("another certificate"));
        assert!(check(&format!("{other}{chain}"), &key).unwrap_err().contains("another certificate"));
    }

    #[test]
    fn what_is_no_certificate_or_no_key_is_said_and_not_quoted() {
        let (chain, key) = pair();
        let secret = key.lines().nth(1).unwrap().to_owned();
        for (chain, key, said) in [
            (format!("{chain}{key}"), key.clone(), "also holds a block PRIVATE KEY"),
            (String::new(), key.clone(), "no certificate"),
            (chain.clone(), String::new(), "not PEM"),
            (chain.clone(), key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "encrypted"),
            (chain.clone(), key.replace("MIG", "MIH"), "cannot be read"),
            (chain.clone(), key.replace(" PRIVATE KEY", " RSA PRIVATE KEY"), ""),
            (chain.replace("-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA"), key.clone(), ""),
        ] {
            let why = check(&chain, &key).unwrap_err();
            assert!(why.contains(said), "{said}: {why}");
            assert!(!why.contains(&secret), "{why}");
        }
    }

    #[test]
    fn keys_in_the_older_forms_of_openssl_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let run = |command: &str| {
            let done =
                std::process::Command::new("sh").args(["-c", command]).current_dir(folder.path()).output().unwrap();
            assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        };
        run("openssl ecparam -name prime256v1 -genkey -out ec.key 2>/dev/null");
        run("openssl req -x509 -new -key ec.key -subj /CN=shop.test -days 9 -out ec.pem");
        run("openssl genrsa -traditional -out rsa.key 2048 2>/dev/null || openssl genrsa -out rsa.key 2048");
        run("openssl req -x509 -new -key rsa.key -subj /CN=shop.test -days 9 -out rsa.pem");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        for (chain, key, right) in [
            ("ec.pem", "ec.key", true),
            ("rsa.pem", "rsa.key", true),
            ("rsa.pem", "ec.key", false),
            ("ec.pem", "rsa.key", false),
        ] {
            assert_eq!(
                check(&read(chain), &read(key)).is_ok(),
                right,
                "{chain} {key}: {:?}",
                check(&read(chain), &read(key))
            );
        }
    }
}
