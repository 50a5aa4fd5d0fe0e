//! The steps of a deployment that build: environments, build steps, checks.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::facts::Facts;
use crate::profile::{HostProfile, PythonOffer};
use crate::release::{Layout, ReleaseId};
use crate::site::{RuntimeKind, Site};
use crate::task::Task;

use super::new_release::{NewRelease, Origin};
use super::{Draft, ReleaseStep, Situation};

/// Environment variables that builds get so that nothing depends on the desktop's own.
const BUILD_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Importing may need the real settings, so the check only compiles and resolves: the gate proves the rest.
const IMPORT_CHECK: &str = "\
import importlib.util, sys
sys.path.insert(0, '.')
for n in sys.argv[1:]:
  s = importlib.util.find_spec(n)
  assert s is not None, 'module %s is not found' % n
  s.origin and s.origin.endswith('.py') and compile(open(s.origin, 'rb').read(), s.origin, 'exec')
";

fn site_task(site: &Site, id: &ReleaseId, number: usize, argv: Vec<String>, directory: String, timeout_s: u64) -> Task {
    let layout = Layout::new(&site.name);
    let home = layout.build_home(id);
    let environment = BTreeMap::from([
        ("HOME".to_owned(), home.clone()),
        ("PATH".to_owned(), BUILD_PATH.to_owned()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("CI".to_owned(), "1".to_owned()),
        ("PIP_DISABLE_PIP_VERSION_CHECK".to_owned(), "1".to_owned()),
        ("PIP_NO_INPUT".to_owned(), "1".to_owned()),
    ]);
    Task {
        unit: format!("slipway-run-{}-{}-{number}", site.name, id.as_str().to_ascii_lowercase()),
        user: Some(layout.builder()),
        argv,
        directory,
        environment,
        secrets: Vec::new(),
        writable: vec![home],
        hidden: layout.hidden_from_builds(),
        timeout_s,
    }
}

/// Environment of the release: its key and directory, and the steps that build it when it is not there.
pub(super) fn environment(
    draft: &mut Draft,
    situation: &Situation<'_>,
    site: &Site,
    release: &NewRelease,
    building: &str,
) -> Option<(Digest, String)> {
    if site.runtime.kind != RuntimeKind::Python {
        return None;
    }
    let layout = Layout::new(&site.name);
    if matches!(release.origin, Origin::Release(_)) {
        // The same code runs in the same environment; other requirements come with a deployment.
        return release.record.environment.clone().map(|key| {
            let directory = layout.environment(&key);
            (key, directory)
        });
    }
    // Why there is none, the set-up says.
    let python = situation.seen.interpreter().ok()?;
    let key = environment_key(&situation.seen.architecture(), site, release, python);
    let directory = layout.environment(&key);
    // While it is built it is the user's, who could put the marker there.
    let whole = situation.seen.is_roots_file(&whole_marker(&directory));
    if !whole {
        let tasks = python_tasks(site, release, python, &directory, building);
        draft.release(
            "environment",
            format!("Build the Python {} environment {}", python.version, key.short()),
            "no environment on this host was built from these requirements yet",
            ReleaseStep::BuildEnvironment { directory: directory.clone(), tasks },
        );
    }
    Some((key, directory))
}

/// The file whose presence says that the environment in `directory` was built to its end.
pub fn whole_marker(directory: &str) -> String {
    format!("{directory}/.whole")
}

/// Path that planning must watch to know whether the environment of `release` is there.
pub fn environment_marker(facts: &Facts, profile: &HostProfile, site: &Site, release: &NewRelease) -> Option<String> {
    if site.runtime.kind != RuntimeKind::Python {
        return None;
    }
    // Only what is installed matters: an environment on an interpreter that is not there cannot be there either.
    let python = crate::runtime::installed_python(site, profile, facts)?;
    let machine = facts.kernel.known().map(|kernel| kernel.architecture.clone()).unwrap_or_default();
    let key = environment_key(&machine, site, release, python);
    Some(whole_marker(&Layout::new(&site.name).environment(&key)))
}

/// Key of the environment that `release` needs: interpreter, architecture and everything that is installed.
fn environment_key(machine: &str, site: &Site, release: &NewRelease, python: &PythonOffer) -> Digest {
    let mut parts =
        vec![python.program.clone(), python.version.to_string(), machine.to_owned(), release.lock.to_string()];
    parts.extend(site.runtime.extra_packages.iter().cloned());
    if site.runtime.install_project {
        parts.push(
            release.record.tree.as_ref().map(ToString::to_string).or(release.record.commit.clone()).unwrap_or_default(),
        );
    }
    Digest::of_parts(parts.iter().map(String::as_bytes))
}

fn python_tasks(site: &Site, release: &NewRelease, python: &PythonOffer, directory: &str, building: &str) -> Vec<Task> {
    let id = &release.record.id;
    let code = format!("{building}/code");
    let mut tasks = Vec::new();
    let mut push = |argv: Vec<String>| {
        let mut task = site_task(site, id, tasks.len(), argv, code.clone(), 1800);
        task.writable.push(directory.to_owned());
        task.secrets.clone_from(&site.runtime.secrets);
        if site.runtime.install_project {
            // setuptools writes build/ and *.egg-info beside the source.
            task.writable.push(building.to_owned());
        }
        tasks.push(task);
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    push(words(&[&python.program, "-m", "venv", directory]));
    let pip = format!("{directory}/bin/pip");
    let mut install = words(&[&pip, "install", "--no-cache-dir", "--progress-bar", "off"]);
    for file in &release.requirements {
        install.extend(["-r".to_owned(), file.clone()]);
    }
    install.extend(site.runtime.extra_packages.iter().cloned());
    if install.len() > 5 {
        push(install);
    }
    if site.runtime.install_project {
        push(words(&[&pip, "install", "--no-cache-dir", "--progress-bar", "off", "."]));
    }
    tasks
}

/// Requirement files that a Python site may have, relative to its code: those it lists, else the usual one.
pub fn requirement_files(site: &Site) -> Vec<String> {
    if site.runtime.kind != RuntimeKind::Python {
        return Vec::new();
    }
    if site.runtime.requirements.is_empty() && !site.runtime.install_project {
        return vec!["requirements.txt".to_owned()];
    }
    site.runtime.requirements.iter().map(|path| path.as_str().to_owned()).collect()
}

pub(super) fn build(draft: &mut Draft, site: &Site, id: &ReleaseId, environment: Option<&(Digest, String)>) {
    let layout = Layout::new(&site.name);
    let (building, npm_cache) = (layout.building(id), layout.npm_cache());
    let path =
        environment.map_or_else(|| BUILD_PATH.to_owned(), |(_, directory)| format!("{directory}/bin:{BUILD_PATH}"));
    let mut number = 10;
    let mut task = |argv: Vec<String>, directory: String, timeout_s: u64| {
        number += 1;
        let mut task = site_task(site, id, number, argv, directory, timeout_s);
        task.environment.insert("PATH".to_owned(), path.clone());
        task
    };
    let code = format!("{building}/code");
    let mut steps = Vec::new();
    if site.runtime.kind == RuntimeKind::Node
        && !site.build.iter().any(|step| step.run.iter().any(|w| w == "ci" || w == "install"))
    {
        let ci = vec!["npm".to_owned(), "ci".to_owned()];
        steps.push((ci, None, 1800, BTreeMap::new(), site.runtime.secrets.clone()));
    }
    for step in &site.build {
        let timeout = step.timeout.as_ref().map_or(1800, |span| span.seconds());
        let secrets = step.secrets.clone();
        steps.push((step.run.clone(), step.directory.clone(), timeout, step.environment.clone(), secrets));
    }
    for (position, (run, directory, timeout, variables, secrets)) in steps.into_iter().enumerate() {
        let title = run.join(" ");
        let checked = matches!(run.as_slice(), [npm, ci, ..] if npm == "npm" && ci == "ci");
        let argv = ["/usr/bin/env", "--"].into_iter().map(str::to_owned).chain(run).collect();
        let place = directory.map_or_else(|| code.clone(), |directory| format!("{code}/{directory}"));
        let mut task = task(argv, place, timeout);
        task.writable.push(code.clone());
        task.secrets = secrets;
        if checked {
            // What a package's own scripts may leave there is compared with the lock file before anything uses it.
            task.writable.push(npm_cache.clone());
            task.environment.insert("npm_config_cache".to_owned(), npm_cache.clone());
        }
        task.environment.extend(variables.into_iter().map(|(name, value)| (name.into(), value)));
        draft.release(
            &format!("build:{position}"),
            format!("Run {title}"),
            "a build step of the site file",
            ReleaseStep::Run { task: Box::new(task) },
        );
    }
    if let Some((_, directory)) = environment
        && !site.runtime.import_check.is_empty()
    {
        let mut argv = vec![format!("{directory}/bin/python"), "-c".to_owned(), IMPORT_CHECK.to_owned()];
        argv.extend(site.runtime.import_check.iter().cloned());
        let check = task(argv, code, 120);
        draft.release(
            "import-check",
            format!("Check that {} can be found and compiled", site.runtime.import_check.join(", ")),
            "runtime.import_check",
            ReleaseStep::Run { task: Box::new(check) },
        );
    }
}
