//! What only this computer can make for a plan: keys and the certificates that go with them.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use slipway_core::plan::{Action, Plan};
use slipway_core::resource::{Payloads, Supply};
use slipway_core::secret::Secret;

/// Makes everything that the steps of `plan` need of this computer. On failure: the step, and why.
pub(super) fn supply(plan: &Plan, payloads: &mut Payloads) -> Result<(), (usize, String)> {
    for (number, step) in plan.steps.iter().enumerate() {
        let supplies = match &step.action {
            Action::Change { change } => change.supplies(),
            Action::Effect { .. } | Action::Release { .. } | Action::Record => Vec::new(),
        };
        for supply in supplies {
            match supply {
                Supply::SelfSigned { names, from, until, certificate, key } => {
                    let (text, secret) =
                        self_signed(&names, from, until).map_err(|error| (number, error.to_string()))?;
                    payloads.insert(certificate, Secret::new(text.into_bytes()));
                    payloads.insert(key, secret);
                }
            }
        }
    }
    Ok(())
}

fn self_signed(names: &[String], from: u64, until: u64) -> Result<(String, Secret), rcgen::Error> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    if let Some(first) = names.first() {
        subject.push(DnType::CommonName, first.clone());
    }
    params.distinguished_name = subject;
    for name in names {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.clone().try_into()?),
        });
    }
    let at = |seconds: u64| rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds);
    params.not_before = at(from);
    params.not_after = at(until);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Secret::new(key.serialize_pem().into_bytes())))
}
