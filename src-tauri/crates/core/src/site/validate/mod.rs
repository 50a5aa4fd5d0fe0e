//! Rules that span several fields. Each is a small function that names the top-level keys it reads,
//! so that a mistake in one part of the file hides no finding about another and causes none.

use std::collections::BTreeSet;

use super::diagnostic::Diagnostic;
use super::findings::Findings;
use super::model::Site;
use super::place::Places;

mod delivery;
mod environment;
mod naming;
mod process;
mod route;
mod runtime;
mod secret;
mod source;
mod tls;

/// One rule and what it looks at.
pub(super) struct Rule {
    /// Top-level keys; when one of them could not be read, the rule is left out.
    reads: &'static [&'static str],
    check: fn(&Site, &mut Findings<'_>),
}

/// Checks a site; `places` is where its keys are (the default value when it did not come from a text).
///
/// [`super::parse()`] has done this already: it is for sites that were made or changed in memory.
pub fn validate(site: &Site, places: &Places) -> Vec<Diagnostic> {
    let mut findings = Findings::new(places);
    run(site, &BTreeSet::new(), &mut findings);
    findings.finish()
}

/// Runs every rule that reads none of the `broken` keys.
pub(super) fn run(site: &Site, broken: &BTreeSet<String>, findings: &mut Findings<'_>) {
    let rules = [
        naming::RULES,
        source::RULES,
        runtime::RULES,
        process::RULES,
        environment::RULES,
        secret::RULES,
        route::RULES,
        tls::RULES,
        delivery::RULES,
    ];
    for rule in rules.into_iter().flatten() {
        if !rule.reads.iter().any(|key| broken.contains(*key)) {
            (rule.check)(site, findings);
        }
    }
}
