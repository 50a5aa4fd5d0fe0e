//! The main job with nothing but the window, on a bare host.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_tests::hosts::Host;

use crate::boot;
use crate::desktop::Desktop;
use crate::driven::Driven;
use crate::support::outside::assert_version;

/// How long a run may take.
const RUN: Duration = Duration::from_secs(240);
/// How long it may take to look at a host and to plan.
const LOOK: Duration = Duration::from_secs(60);

/// From the first page to a host that is known and tried; its key is compared with the host's own.
pub(crate) async fn add_host(window: &Driven, host: &Host) {
    window.press("Add your first server").await;
    window.fill("Address", &format!("deploy@{}", host.address())).await;
    window.fill("Name here", "web1").await;
    window.press("Test and add").await;
    window.see_within(LOOK, "Is this really your host?").await;
    window.picture("add-host-key").await;
    let script = "return document.querySelector('[aria-label=\"Compare the host key\"] code').textContent";
    assert_eq!(window.script(script, vec![]).await, json!(host.fingerprint()));
    window.press("It is the same: go on").await;
    window.see_within(LOOK, "web1 is added and ready").await;
}

/// The questions of the wizard, to that for secrets.
pub(crate) async fn answer_until_secrets(window: &Driven) {
    window.press("Set up a site here").await;
    window.see("Which host will run it?").await;
    window.press("Continue").await;
    window.see_within(LOOK, "Look again").await;
    window.press("Continue").await;
    window.see("Where does the code come from?").await;
    window.choose("A folder here").await;
    window.fill("Folder", &window.desktop.assemble("v1").display().to_string()).await;
    window.fill("Name of the site", "parlour").await;
    window.press("Continue").await;
    window.see_within(LOOK, "Fits best").await;
    window.press("flask-socketio").await;
    window.see("Chosen").await;
    window.accessible().await;
    window.picture("wizard").await;
    window.press("Continue").await;
    window.see("What runs, and how much of it?").await;
    window.press("Continue").await;
    window.see("How do people reach it?").await;
    window.fill("Names, one per line", "parlour.test").await;
    window.choose("Self-signed").await;
    window.press("Continue").await;
    window.see("What must nobody see?").await;
}

/// The questions of the wizard, to a plan.
async fn answer(window: &Driven) {
    answer_until_secrets(window).await;
    window.press("Make one: SECRET_KEY").await;
    window.see("All of them have a value").await;
    window.press("Continue").await;
    window.see("How is it looked after?").await;
    window.press("Continue").await;
    window.see("Is this what you want?").await;
    window.see("People reach it at parlour.test.").await;
    window.press("Make the plan").await;
    window.see_within(LOOK, "Apply this plan").await;
}

impl Desktop {
    /// The site file that the wizard wrote.
    pub(crate) fn site_file(&self) -> PathBuf {
        self.slipway_home().join("sites/parlour/slipway.toml")
    }

    /// Changes the site file so that the application ends some seconds after it has begun, while it is still watched;
    /// returns the text before.
    fn crash_after_a_while(&self) -> String {
        let text = std::fs::read_to_string(self.site_file()).unwrap();
        let with = |text: &str, table: &str, line: &str| {
            let heading = format!("[{table}]");
            let key = line.split(' ').next().unwrap();
            let mut lines: Vec<&str> = text.lines().filter(|found| !found.starts_with(&format!("{key} ="))).collect();
            match lines.iter().position(|found| found.starts_with(&heading)) {
                Some(at) => lines.insert(at + 1, line),
                None => lines.extend([heading.as_str(), line]),
            }
            lines.join("\n") + "\n"
        };
        let crashing = with(&with(&text, "environment", "CRASH_AFTER = \"4\""), "health", "settle = \"10s\"");
        std::fs::write(self.site_file(), crashing).unwrap();
        text
    }
}

/// What Slipway owns on the host by its own record, without what differs from host to host: secret values and times.
fn manifest(host: &Host) -> Value {
    let mut manifest: Value =
        serde_json::from_slice(&host.read_file("/var/lib/slipway/parlour/manifest.json").unwrap()).unwrap();
    for owned in manifest["resources"].as_object_mut().unwrap().values_mut() {
        let there = &mut owned["there"];
        if let Some(masked) = there["masked"].as_str() {
            let without = masked.lines().map(|line| line.split("fingerprint ").next().unwrap_or_default());
            there["masked"] = json!(without.collect::<Vec<_>>());
            there["digest"] = Value::Null;
        }
        if there["expires"].is_number() {
            there["expires"] = Value::Null;
        }
    }
    for changing in ["updated_at", "updated_by", "run"] {
        manifest[changing] = Value::Null;
    }
    manifest
}

/// Does with the command line, on a host of its own, what the window did; returns that host's record.
fn with_the_command_line(site_file: &str, folder: &str) -> Value {
    let host = boot().unwrap();
    let desktop = Desktop::with(&host);
    let site = site_file.replace(folder, &desktop.assemble("v1").display().to_string());
    std::fs::write(desktop.folder.path().join("slipway.toml"), site).unwrap();
    std::fs::write(desktop.folder.path().join("key"), "0123456789abcdef0123456789abcdef").unwrap();
    desktop.expect(&["secret", "set", "SECRET_KEY", "--file", "key"]);
    desktop.expect(&["apply", "--yes"]);
    desktop.expect(&["deploy", "--yes"]);
    manifest(&host)
}

/// Deploys what is in the folder now, and waits for the end of it.
pub(crate) async fn deploy(window: &Driven, ending: &str) {
    window.press("Deploy…").await;
    window.press("See what will happen").await;
    window.see_within(LOOK, "This is what will happen").await;
    window.picture("deploy").await;
    window.press("Deploy now").await;
    window.see_within(RUN, "Go to parlour").await;
    window.see(ending).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_site_that_goes_back() {
    let Some(host) = boot() else { return };
    let window = Driven::start().await;
    window.see("Add your first server").await;
    window.picture("first-run").await;
    window.desktop.key(&host);
    add_host(&window, &host).await;
    answer(&window).await;
    window.click_at("//*[@role='option'][contains(., 'parlour.conf')]").await;
    window.see("mode 0644, root:root").await;
    let drawn = "return [...document.querySelectorAll('*')].some((one) => one.shadowRoot?.textContent.includes('upstream parlour_web'))";
    window.until(drawn).await;
    window.accessible().await;
    window.picture("plan").await;
    window.press("Apply this plan").await;
    window.see_one_within(LOOK, &["Under way", "Go to parlour"]).await;
    window.picture("run").await;
    window.see_within(RUN, "web1 is set up for parlour").await;
    window.accessible().await;
    window.press("Go to parlour").await;

    deploy(&window, "Succeeded").await;
    assert_version(&host, "v1");
    let site_file = std::fs::read_to_string(window.desktop.site_file()).unwrap();
    let folder = window.desktop.folder.path().join("parlour").display().to_string();
    let by_window = manifest(&host);
    let by_command = std::thread::spawn(move || with_the_command_line(&site_file, &folder));
    window.press("Go to parlour").await;
    window.desktop.assemble("v2");
    deploy(&window, "Succeeded").await;
    window.picture("deployed").await;
    assert_version(&host, "v2");
    window.press("Go to parlour").await;
    window.see("as they should be").await;
    window.see("Known good").await;
    window.accessible().await;
    window.picture("site").await;

    // One that seems well and then is not is taken back, without anybody's doing.
    window.desktop.assemble("v6");
    let kept = window.desktop.crash_after_a_while();
    deploy(&window, "Rolled back").await;
    window.see("The new release did not do").await;
    window.accessible().await;
    window.picture("rolled-back-by-itself").await;
    assert_version(&host, "v2");
    std::fs::write(window.desktop.site_file(), kept).unwrap();
    window.press("Go to parlour").await;

    // A release that is not well never gets traffic, and says why.
    window.desktop.assemble("v4");
    deploy(&window, "It failed before anything that is being served was touched.").await;
    window.see("500").await;
    window.picture("failed-intact").await;
    assert_version(&host, "v2");
    window.press("Go to parlour").await;

    window.press("Roll back…").await;
    window.press("See what will happen").await;
    window.see_within(LOOK, "This is what will happen").await;
    window.press("Roll back now").await;
    window.see_within(RUN, "Go to parlour").await;
    window.see("Succeeded").await;
    window.picture("rolled-back").await;
    assert_version(&host, "v1");

    // All of it is still told by a window that is started anew.
    let window = Driven::on(window.quit().await).await;
    window.press("History").await;
    window.see("Ended").await;
    for told in ["Set up parlour", "Deploy parlour", "Roll back parlour", "tester@", "Failed"] {
        window.see(told).await;
    }
    window.picture("history").await;
    window.follow("Set up parlour").await;
    window.press("What was planned").await;
    window.see("Create the system user parlour").await;
    window.accessible().await;
    window.quit().await;

    assert_eq!(by_window, by_command.join().unwrap(), "the window and the command line do not do the same");
}
