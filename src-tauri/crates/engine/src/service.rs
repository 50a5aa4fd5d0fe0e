//! Starting, stopping and restarting what a site runs, under the host lock and with an entry in its audit log.
//!
//! Only units that the manifest names are touched. A restart of everything goes one instance at a time and ends at the
//! first one that does not come back, so that the rest goes on serving.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_core::activation::Instance;
use slipway_core::command::{Command, Exit, Output};
use slipway_core::manifest::Manifest;
use slipway_core::release::Layout;
use slipway_core::running::{self, Running, RunningUnit};
use slipway_core::site::Name;
use slipway_core::units;
use slipway_host::Batch;

use crate::asked::Asked;
use crate::failure::{Code, Failure, Outcome};
use crate::link::Link;
use crate::lock::Lock;
use crate::run::append_audit;

/// Seconds that an instance may take to come back.
const PATIENCE_S: u64 = 90;
/// How long one command may take: stopping and starting, each as long as its unit allows.
const LIMIT: Duration = Duration::from_secs(270);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Starts what does not run.
    Start,
    /// Stops it.
    Stop,
    /// Stops and starts it; of several instances, one at a time.
    Restart,
    /// Makes it read its configuration again.
    Reload,
    /// Starts it at boot.
    Enable,
    /// Does not start it at boot.
    Disable,
    /// Looks, and changes nothing.
    Status,
    /// nginx only: tries its configuration, and changes nothing.
    Test,
}

impl Action {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Status => "status",
            Self::Test => "test",
        }
    }

    /// Whether it changes nothing on the host.
    pub fn only_looks(self) -> bool {
        matches!(self, Self::Status | Self::Test)
    }
}

/// What it is done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "kebab-case")]
pub enum Target {
    /// Everything that the site runs.
    Site,
    /// One instance, by its unit.
    Unit {
        /// `shop-web@5000.service`, also without its ending.
        unit: String,
    },
    /// The web server; only test, reload and status.
    Nginx,
}

/// What was seen afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The host.
    pub host: String,
    /// The site.
    pub site: Name,
    /// What was to be done.
    pub action: Action,
    /// Whether every command did its work and what was seen agrees.
    pub good: bool,
    /// One sentence: what the state is now.
    pub summary: String,
    /// What the commands that failed said. Untrusted text.
    pub complaints: Vec<String>,
    /// The site's units.
    pub running: Running,
    /// Whether the site starts at boot, in systemd's word: `enabled`, `disabled`, ….
    pub at_boot: String,
    /// nginx, in systemd's word: `active`, `inactive`, `failed`, ….
    pub nginx: String,
}

/// Lines that are kept of what one command complained.
const MOST_COMPLAINTS: usize = 5;

const READ: &str = r#"exec head -c 4194304 -- "$1""#;
const WORDS: &str = r#"
printf 'boot %s\n' "$(systemctl is-enabled -- "$1" 2>/dev/null)"
printf 'nginx %s\n' "$(systemctl is-active nginx 2>/dev/null)"
"#;
const TEST: &str = "command -v nginx >/dev/null || { echo 'nginx is not installed' >&2; exit 1; }; nginx -t -q";
const RELOAD: &str = "nginx -t -q && systemctl reload nginx";
const BRING_UP: &str = slipway_core::running::BRING_UP;
/// Has what runs of an instance read its configuration again: unit, slot of its generations or nothing.
const RELOAD_UNIT: &str = r#"
set -u
[ -n "$2" ] || exec systemctl reload "$1"
systemctl list-units --full --plain --no-legend --state=active "$2@*.service" | while read -r unit _; do
    systemctl reload "$unit" || exit 1
done
"#;

#[derive(Serialize)]
struct Entry<'a> {
    at: String,
    run: &'a str,
    operator: &'a str,
    verb: String,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
}

/// Does `action` to `target` of a site and says what was seen afterwards.
///
/// # Errors
/// When it was not begun: the site is not there, the target is not its own, somebody else is at work, or the host cannot
/// be asked. Once it began, what went wrong is in the report.
pub async fn act(link: &Link, site: &Name, action: Action, target: &Target, asked: &Asked) -> Outcome<Report> {
    let layout = Layout::new(site);
    let manifest = manifest(link, &layout, site).await?;
    let chosen = choose(&manifest, action, target)
        .map_err(|why| Failure::new(Code::Usage, format!("{}: {why}", link.name())).because("nothing was changed"))?;
    let commands = commands(site, &chosen, action, target);
    if action.only_looks() {
        let outputs = if commands.is_empty() { Vec::new() } else { link.batch(Batch::all(commands)).await? };
        return observe(link, &layout, &manifest, action, target, &outputs).await;
    }
    let verb = format!("{} {}", action.word(), name_of(site, target));
    let lock = Lock::acquire(link, &asked.run, asked, &verb).await?;
    let report = locked(link, &layout, &manifest, action, target, commands, asked, &lock, &verb).await;
    lock.release(link).await;
    report
}

#[allow(clippy::too_many_arguments, reason = "the second half of act")]
async fn locked(
    link: &Link,
    layout: &Layout,
    manifest: &Manifest,
    action: Action,
    target: &Target,
    commands: Vec<Command>,
    asked: &Asked,
    lock: &Lock,
    verb: &str,
) -> Outcome<Report> {
    let entry = |event, verdict, summary| {
        let (run, operator) = (asked.run.as_str(), asked.operator.as_str());
        let (at, verb) = (asked.clock.now().to_string(), verb.to_owned());
        append_audit(layout, &Entry { at, run, operator, verb, event, verdict, summary })
    };
    // A renewal before each: the lease must last for what one command may take.
    let head = [lock.renewal(), entry("begin", None, None)];
    let skip = head.len();
    let body = commands.into_iter().flat_map(|command| [command, lock.renewal()]);
    let outputs = link.batch(Batch::until_failure(head.into_iter().chain(body))).await?;
    if let Some(output) = outputs.iter().take(skip).find(|output| !output.success()) {
        return Err(Failure::new(Code::Host, format!("{}: could not begin: {}", link.name(), output.complaint()))
            .because("nothing was changed"));
    }
    let done: Vec<Output> = outputs.into_iter().skip(skip).collect();
    let report = observe(link, layout, manifest, action, target, &done).await?;
    let verdict = if report.good { "succeeded" } else { "split" };
    // What was done is done, and was seen; a host that is gone now lacks one line.
    let _ = link.run(entry("end", Some(verdict), Some(&report.summary))).await;
    Ok(report)
}

async fn manifest(link: &Link, layout: &Layout, site: &Name) -> Outcome<Manifest> {
    let output = link.run(Command::script(READ, [layout.manifest()]).output_limit(8 << 20)).await?;
    if !output.success() {
        return Err(Failure::new(Code::Usage, format!("{}: there is no site {site} there", link.name()))
            .because("nothing was changed")
            .hint("slipway apply sets it up"));
    }
    Manifest::parse(&output.text())
        .map_err(|why| Failure::new(Code::Host, format!("{}: {why}", link.name())).because("nothing was changed"))
}

/// The instances that are meant.
fn choose(manifest: &Manifest, action: Action, target: &Target) -> Result<Vec<Instance>, String> {
    let nothing_runs = || format!("{} has no release yet, so there is nothing to {}", manifest.site, action.word());
    match target {
        Target::Nginx => match action {
            Action::Test | Action::Reload | Action::Status => Ok(Vec::new()),
            Action::Start | Action::Stop | Action::Restart | Action::Enable | Action::Disable => Err(format!(
                "nginx serves every site of the host, so it is tested and reloaded here, not made to {}",
                action.word()
            )),
        },
        Target::Site | Target::Unit { .. } if action == Action::Test => Err("only nginx can be tested".to_owned()),
        Target::Site if manifest.instances.is_empty() && action != Action::Status => Err(nothing_runs()),
        Target::Site => Ok(manifest.instances.clone()),
        Target::Unit { unit } => {
            let is = |instance: &&Instance| {
                &instance.unit == unit || instance.unit.strip_suffix(".service") == Some(unit.as_str())
            };
            let found: Vec<Instance> = manifest.instances.iter().filter(is).cloned().collect();
            if found.is_empty() {
                let units: Vec<&str> = manifest.instances.iter().map(|instance| instance.unit.as_str()).collect();
                let units = if units.is_empty() { "none".to_owned() } else { units.join(", ") };
                return Err(format!("{unit:?} is no unit of {}; its units are: {units}", manifest.site));
            }
            Ok(found)
        }
    }
}

fn name_of(site: &Name, target: &Target) -> String {
    match target {
        Target::Site => site.as_str().to_owned(),
        Target::Unit { unit } => unit.clone(),
        Target::Nginx => "nginx".to_owned(),
    }
}

fn systemctl<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    Command::new(std::iter::once("systemctl").chain(words)).timeout(LIMIT)
}

/// Starts or restarts what an instance runs, and waits until it answers.
fn bring_up(verb: &str, instance: &Instance) -> Command {
    let port = instance.port.map(|port| port.to_string()).unwrap_or_default();
    let slot = instance.slot.clone().unwrap_or_default();
    let arguments = [verb.to_owned(), instance.unit.clone(), slot, port, PATIENCE_S.to_string()];
    Command::script(BRING_UP, arguments).timeout(LIMIT)
}

fn commands(site: &Name, chosen: &[Instance], action: Action, target: &Target) -> Vec<Command> {
    if *target == Target::Nginx {
        return match action {
            Action::Test => vec![Command::script(TEST, [""])],
            Action::Reload => vec![Command::script(RELOAD, [""]).timeout(LIMIT)],
            _ => Vec::new(),
        };
    }
    let whole = *target == Target::Site;
    let group = format!("{site}.target");
    let names = || chosen.iter().map(|instance| instance.unit.as_str());
    let sockets = || chosen.iter().filter_map(|instance| instance.socket.as_deref());
    let mut all = Vec::new();
    match action {
        Action::Start => {
            // Sockets first: what asks meanwhile waits.
            all.extend(sockets().map(|socket| systemctl(["start", socket])));
            all.extend(chosen.iter().map(|instance| bring_up("start", instance)));
            all.extend(whole.then(|| systemctl(["start", &group])));
        }
        Action::Stop => {
            // A socket that is still open would start its service again.
            let generations: Vec<String> =
                chosen.iter().filter_map(|instance| instance.slot.as_deref()).map(units::generations).collect();
            let runs = generations.iter().map(String::as_str);
            all.push(systemctl(std::iter::once("stop").chain(sockets()).chain(names()).chain(runs)));
            all.extend(whole.then(|| systemctl(["stop", &group])));
        }
        Action::Restart => all.extend(chosen.iter().map(|instance| bring_up("restart", instance))),
        Action::Reload => all.extend(chosen.iter().map(|instance| {
            let arguments = [instance.unit.clone(), instance.slot.clone().unwrap_or_default()];
            Command::script(RELOAD_UNIT, arguments).timeout(LIMIT)
        })),
        Action::Enable | Action::Disable => {
            let word = action.word();
            if whole {
                all.push(systemctl([word, "--quiet", &group]));
            } else {
                all.push(systemctl([word, "--quiet"].into_iter().chain(names()).chain(sockets())));
            }
        }
        Action::Status | Action::Test => {}
    }
    all
}

async fn observe(
    link: &Link,
    layout: &Layout,
    manifest: &Manifest,
    action: Action,
    target: &Target,
    outputs: &[Output],
) -> Outcome<Report> {
    let site = &manifest.site;
    let boot_unit = match target {
        Target::Unit { .. } => choose(manifest, action, target).ok().and_then(|chosen| chosen.into_iter().next()),
        Target::Site | Target::Nginx => None,
    }
    .map_or_else(|| format!("{site}.target"), |instance| instance.unit);
    let ask = || running::command(layout, &manifest.instances);
    let seen = link.ask(ask).await?;
    let words = link.ask(|| Command::script(WORDS, [boot_unit.clone()])).await?;
    let strange = |why: String| Failure::new(Code::Host, format!("{}: {why}", link.name()));
    let running = running::parse(&seen, layout).map_err(strange)?.with_ports(&manifest.instances);
    let text = words.text();
    let word = |key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)).map(|word| word.trim().to_owned()).unwrap_or_default()
    };
    let failed = outputs.iter().filter(|output| !output.success() && output.exit != Exit::Skipped);
    let complaints: Vec<String> = failed.flat_map(complaints_of).collect();
    let (at_boot, nginx) = (word("boot "), word("nginx "));
    let chosen = choose(manifest, action, target).unwrap_or_default();
    let (agrees, summary) = summarise(site, action, target, &chosen, &running, &at_boot, &nginx);
    let good = complaints.is_empty() && agrees;
    Ok(Report {
        host: link.name().to_owned(),
        site: site.clone(),
        action,
        good,
        summary,
        complaints,
        running,
        at_boot,
        nginx,
    })
}

/// The last lines of what a command complained: the reason often stands above the last one.
fn complaints_of(output: &Output) -> Vec<String> {
    if output.exit == Exit::TimedOut {
        return vec!["it did not end in time".to_owned()];
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut lines: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if lines.is_empty() {
        lines.push(output.complaint());
    }
    lines.split_off(lines.len().saturating_sub(MOST_COMPLAINTS))
}

/// Whether what was seen is what was asked for, and what it is in a sentence.
fn summarise(
    site: &Name,
    action: Action,
    target: &Target,
    chosen: &[Instance],
    running: &Running,
    at_boot: &str,
    nginx: &str,
) -> (bool, String) {
    if *target == Target::Nginx {
        return match action {
            Action::Test => (true, format!("nginx is {nginx}")),
            _ => (nginx == "active", format!("nginx is {nginx}")),
        };
    }
    let of_chosen = |unit: &&RunningUnit| chosen.iter().any(|instance| instance.unit == unit.instance);
    let units: Vec<_> = running.serving().filter(of_chosen).collect();
    let active = units.iter().filter(|unit| unit.active == "active").count();
    let boot = match at_boot {
        "enabled" => "it starts at boot",
        "disabled" => "it does not start at boot",
        _ => "whether it starts at boot is not known",
    };
    let summary = format!("{active} of {} instances of {site} are active; {boot}", units.len());
    let agrees = match action {
        Action::Start | Action::Restart | Action::Reload => active == units.len(),
        Action::Stop => {
            running.units.iter().filter(of_chosen).all(|unit| matches!(unit.active.as_str(), "inactive" | "failed"))
        }
        Action::Enable => at_boot == "enabled",
        Action::Disable => at_boot != "enabled",
        Action::Status | Action::Test => true,
    };
    (agrees, summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let instance = |port: u16| Instance {
            unit: format!("shop-web@{port}.service"),
            socket: Some(format!("shop-web@{port}.socket")),
            port: Some(port),
            slot: Some(format!("shop-web.{port}")),
            ..Instance::default()
        };
        let mut manifest = Manifest::new("shop".parse().unwrap());
        manifest.instances = vec![instance(5000), instance(5001)];
        manifest
    }

    fn unit(unit: &str) -> Target {
        Target::Unit { unit: unit.to_owned() }
    }

    fn lines(action: Action, target: &Target) -> Vec<String> {
        let manifest = manifest();
        let chosen = choose(&manifest, action, target).unwrap();
        let shown = |command: &Command| {
            let words = command.argv.iter().filter(|word| !word.contains('\n')).cloned();
            words.collect::<Vec<_>>().join(" ")
        };
        commands(&manifest.site, &chosen, action, target).iter().map(shown).collect()
    }

    #[test]
    fn only_the_sites_own_units_are_touched() {
        let manifest = manifest();
        for strange in ["ssh.service", "shop-web@5000.socket", "shop-web@5000.service; id", "", "shop"] {
            let why = choose(&manifest, Action::Stop, &unit(strange)).unwrap_err();
            assert!(why.contains("shop-web@5001.service"), "{why}");
        }
        for whole in ["shop-web@5001", "shop-web@5001.service"] {
            assert_eq!(choose(&manifest, Action::Stop, &unit(whole)).unwrap().len(), 1);
        }
        assert!(choose(&manifest, Action::Stop, &Target::Nginx).is_err());
        assert!(choose(&manifest, Action::Test, &Target::Site).is_err());
        let empty = Manifest::new("shop".parse().unwrap());
        assert!(choose(&empty, Action::Start, &Target::Site).unwrap_err().contains("no release"));
        assert!(choose(&empty, Action::Status, &Target::Site).unwrap().is_empty());
    }

    #[test]
    fn a_stop_closes_the_sockets_and_a_restart_takes_turns() {
        assert_eq!(
            lines(Action::Stop, &Target::Site),
            [
                "systemctl stop shop-web@5000.socket shop-web@5001.socket shop-web@5000.service shop-web@5001.service \
                 shop-web.5000@*.service shop-web.5001@*.service",
                "systemctl stop shop.target"
            ]
        );
        assert_eq!(
            lines(Action::Restart, &Target::Site),
            [
                "sh -c sh restart shop-web@5000.service shop-web.5000 5000 90",
                "sh -c sh restart shop-web@5001.service shop-web.5001 5001 90"
            ]
        );
        assert_eq!(lines(Action::Disable, &Target::Site), ["systemctl disable --quiet shop.target"]);
        assert!(lines(Action::Status, &Target::Site).is_empty());
    }
}
