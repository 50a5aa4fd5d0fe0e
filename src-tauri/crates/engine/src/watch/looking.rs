//! Looking at a site again and again, for a page that shows it all day: cheap looks, and the costlier facts now and
//! then. Nothing here ends because a host is gone; the next look says so.

use std::time::Duration;

use slipway_core::facts::Facts;
use slipway_core::site::Name;
use tokio::time::Instant;

use super::certificate::{Served, served};
use super::{SiteStatus, sites, status};
use crate::failure::{Failure, Outcome};
use crate::fleet::Fleet;
use crate::inventory::HostName;
use crate::observe;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// Facts and the certificate hold this long, unless another release is live.
const FACTS_HOLD: Duration = Duration::from_secs(60);
/// A look that takes longer counts as failed: the page must say that it knows nothing.
const LIMIT: Duration = Duration::from_secs(20);

/// A site on a host that is being looked at.
pub struct Looking {
    site: Name,
    host: HostName,
    known: Option<Known>,
    last: Option<Instant>,
}

struct Known {
    facts: Facts,
    certificate: Option<Served>,
    at: Instant,
    release: Option<String>,
}

/// What one look saw.
#[derive(Debug)]
pub enum Look {
    /// The site.
    Seen {
        /// How it is.
        status: Box<SiteStatus>,
        /// Certificate as served.
        certificate: Option<Box<Served>>,
    },
    /// Nothing of it is on the host yet.
    Nothing,
    /// The host could not be asked.
    Lost(Failure),
}

impl Looking {
    /// Begins with the next look.
    pub fn new(site: Name, host: HostName) -> Self {
        Self { site, host, known: None, last: None }
    }

    /// The host.
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// The next look, five seconds after the one before.
    pub async fn next(&mut self, fleet: &Fleet) -> Look {
        if let Some(last) = self.last {
            tokio::time::sleep_until(last + PAUSE).await;
        }
        let looked = tokio::time::timeout(LIMIT, self.look(fleet)).await;
        self.last = Some(Instant::now());
        match looked {
            Ok(Ok(look)) => look,
            Ok(Err(failure)) => {
                self.known = None;
                Look::Lost(failure)
            }
            Err(_) => {
                self.known = None;
                let message = format!("{} did not answer for {} s", self.host, LIMIT.as_secs());
                Look::Lost(Failure::new(crate::failure::Code::Unreachable, message).hint("it is asked again by itself"))
            }
        }
    }

    async fn look(&mut self, fleet: &Fleet) -> Outcome<Look> {
        let link = fleet.link(&self.host).await?;
        let known = match self.known.take().filter(|known| known.at.elapsed() < FACTS_HOLD) {
            Some(known) => known,
            None => {
                let facts = observe::facts(&*link.connection().await).await?;
                if !sites(&facts).contains(&self.site) {
                    return Ok(Look::Nothing);
                }
                // A certificate that cannot be read is told on the page of the host; the site is still shown.
                let certificate = served(&link, &facts, &self.site).await.ok().flatten();
                Known { facts, certificate, at: Instant::now(), release: None }
            }
        };
        let status = status(&link, &known.facts, &self.site).await?;
        let release = status.running.current.as_ref().map(ToString::to_string);
        let certificate = known.certificate.clone().map(Box::new);
        // Another release has other instances, and perhaps another certificate: the next look asks for them.
        if known.release.is_none() || known.release == release {
            self.known = Some(Known { release, ..known });
        }
        Ok(Look::Seen { status: Box::new(status), certificate })
    }
}

/// How a site stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteHealth {
    /// Everything runs from the active release, and the site answers.
    Serving,
    /// It answers in part.
    Degraded,
    /// Nobody is served.
    Down,
    /// The set-up is there, no release is.
    NotDeployed,
    /// An activation did not end.
    Interrupted,
}

impl SiteStatus {
    /// How it stands, and that in a sentence.
    pub fn standing(&self) -> (SiteHealth, String) {
        if let Some(release) = &self.interrupted {
            let text = format!("The activation of {release} did not come to its end. Plan the changes: that mends it.");
            return (SiteHealth::Interrupted, text);
        }
        let Some(current) = &self.running.current else {
            return (SiteHealth::NotDeployed, "The server is set up. No release has been deployed yet.".to_owned());
        };
        let wrong =
            self.running.serving().find(|unit| unit.active != "active" || unit.release.as_ref() != Some(current));
        match (&self.front, wrong) {
            (Some(code), _) if code == "000" || code.is_empty() => {
                (SiteHealth::Down, format!("{} does not answer through nginx.", self.site))
            }
            (Some(code), _) if code.starts_with('5') => {
                (SiteHealth::Down, format!("{} answers with {code} through nginx.", self.site))
            }
            (_, Some(unit)) if self.running.serving().all(|unit| unit.active != "active") => {
                (SiteHealth::Down, format!("No process of {} runs: {} is {}.", self.site, unit.unit, unit.active))
            }
            (_, Some(unit)) if unit.active != "active" => {
                (SiteHealth::Degraded, format!("{} is {} ({}).", unit.unit, unit.active, unit.sub))
            }
            (_, Some(unit)) => (SiteHealth::Degraded, format!("{} does not run from the active release.", unit.unit)),
            (_, None) if self.unguarded => (
                SiteHealth::Degraded,
                "The rules that keep everybody but nginx from its ports are not in force. Plan the changes: that loads them again."
                    .to_owned(),
            ),
            (_, None) => (SiteHealth::Serving, "Everything runs from the active release.".to_owned()),
        }
    }
}
