//! Plans that were reviewed and are applied later, perhaps by another process.
//!
//! A plan is not applied from the file: the host is looked at and planned for again, under the saved run's name and
//! moment, which gives the same plan when nothing has changed since, and another id otherwise.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use slipway_core::digest::Digest;
use slipway_core::plan::Plan;

use super::Desk;
use crate::asked::Asked;
use crate::clock::Fixed;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::site::planned::SiteInput;
use crate::site::{Planned, Request};
use crate::site_file::SiteFile;

/// Plans that are kept.
const MOST_PLANS: usize = 100;

/// A plan with what is needed to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// Version of this form; 1.
    pub schema: u32,
    /// What was asked for.
    pub request: Request,
    /// Absolute path of the site file.
    pub site_file: PathBuf,
    /// Who planned.
    pub operator: String,
    /// When.
    pub at: Timestamp,
    /// Name of the run.
    pub run: String,
    /// The plan.
    pub plan: Plan,
}

impl Desk {
    /// Keeps a plan in the local folder, for [`Desk::saved_plan`].
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn save_plan(&self, planned: &Planned, file: &SiteFile, request: &Request) -> Outcome<SavedPlan> {
        let saved = SavedPlan {
            schema: 1,
            request: request.clone(),
            site_file: file.path.clone(),
            operator: planned.asked.operator.clone(),
            at: planned.asked.clock.now(),
            run: planned.asked.run.clone(),
            plan: planned.plan.clone(),
        };
        let folder = self.home.plans();
        let failed = |error: std::io::Error| Failure::new(Code::Local, format!("{}: {error}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let text = serde_json::to_vec_pretty(&saved)
            .map_err(|error| Failure::new(Code::Local, format!("the plan cannot be written: {error}")))?;
        self.home.write_private(&self.home.plan(&saved.plan.id), &text)?;
        self.forget_old_plans();
        Ok(saved)
    }

    /// Removes all but the newest kept plans.
    fn forget_old_plans(&self) {
        let mut kept: Vec<_> = std::fs::read_dir(self.home.plans())
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        kept.sort_by(|a, b| b.cmp(a));
        for (_, path) in kept.into_iter().skip(MOST_PLANS) {
            // One that stays does no harm.
            let _ = std::fs::remove_file(path);
        }
    }

    /// A kept plan by the first digits of its id.
    ///
    /// # Errors
    /// When there is none, several, or it cannot be read.
    pub fn saved_plan(&self, id: &str) -> Outcome<SavedPlan> {
        let none = || {
            Failure::new(Code::Usage, format!("no plan {id} is kept on this computer"))
                .hint("slipway plan makes one and keeps it; give its id, or the file that plan --out wrote")
        };
        if id.len() < 6 || !id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
            return Err(none());
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.home.plans()).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(id) && name.ends_with(".json")) {
                found.push(entry.path());
            }
        }
        match found.as_slice() {
            [] => Err(none()),
            [only] => read_saved_plan(only),
            several => Err(Failure::new(Code::Usage, format!("{} kept plans begin with {id}", several.len()))
                .hint("give more digits")),
        }
    }

    /// Plans again what `saved` planned.
    ///
    /// # Errors
    /// `Stale` when the site file, a secret or the host has changed since; otherwise as [`Desk::plan`].
    pub async fn plan_again(&self, link: Arc<Link>, file: &SiteFile, saved: &SavedPlan) -> Outcome<Planned> {
        let clock = Arc::new(Fixed::at(saved.at));
        let asked =
            Asked { operator: saved.operator.clone(), clock, run: saved.run.clone(), tokens: self.asked()?.tokens };
        let supplies = self.supplies_for(&saved.request, file).await?;
        let beside = self.site_folder(file)?;
        let input = SiteInput { site: &file.site, beside: &beside, supplies: &supplies };
        let mut planned = Planned::make(link, &input, &saved.request, asked).await?;
        Self::same_plan(&planned, &saved.plan.id)?;
        // What is recorded on the host is who applies it and when.
        planned.asked = self.asked()?;
        Ok(planned)
    }
}

/// Reads a saved plan and checks that its id is that of its content.
///
/// # Errors
/// When it cannot be read or was changed.
pub fn read_saved_plan(path: &Path) -> Outcome<SavedPlan> {
    let wrong = |why: String| Failure::new(Code::Usage, format!("{} is not a saved plan: {why}", path.display()));
    let text = std::fs::read(path)
        .map_err(|error| Failure::new(Code::Local, format!("the plan {} cannot be read: {error}", path.display())))?;
    let saved: SavedPlan = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    let content: Digest = saved.plan.content_digest();
    if content != saved.plan.id {
        return Err(wrong("it was changed since it was written".to_owned()).hint("make a new one with slipway plan"));
    }
    Ok(saved)
}
