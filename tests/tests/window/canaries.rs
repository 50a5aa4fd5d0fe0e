//! Secrets that are typed into the window reach the keyring, the host and the application, and can be found nowhere else.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use slipway_tests::canary::{Canaries, Sighting, Watcher, below, inside_host, with_words};
use slipway_tests::hosts::{Distribution, Host, HostOptions, Prerequisites};
use x11rb::protocol::xproto::{ConnectionExt as _, InputFocus};

use crate::desktop::{self, Desktop};
use crate::driven::Driven;
use crate::main_job::{answer_until_secrets, deploy};
use crate::support::outside::ask;

const LOOK: Duration = Duration::from_secs(60);
const RUN: Duration = Duration::from_secs(180);

/// The commands that bring a secret from the page to the program. No other may.
const WITH_SECRETS: [&str; 6] = ["add_host", "answer_host", "set_draft_secret", "set_secret", "strength", "try_host"];
/// The one whose answer is a secret.
const REVEALS: &str = "reveal_secret";

/// Writes down what the page and the program say to each other: questions where they leave the page, and everything that
/// comes back, answers and news, where it arrives.
const LISTEN: &str = r"
if (window.heard) return false;
window.heard = [];
const [said, fetch, waiting] = [new Map(), window.fetch, window.__TAURI_INTERNALS__.callbacks];
window.fetch = (address, options) => {
    const command = decodeURIComponent(String(address).split('/').pop());
    for (const name of ['Tauri-Callback', 'Tauri-Error']) said.set(Number(options.headers.get(name)), command);
    window.heard.push(['asked', command, String(options.body)]);
    return fetch(address, options);
};
waiting.get = (id) => {
    const then = Map.prototype.get.call(waiting, id);
    return then && ((data) => {
        window.heard.push(['told', said.get(id) ?? 'news', JSON.stringify(data) ?? '']);
        return then(data);
    });
};
return true";

/// All that the page holds and keeps: its text and markup with what is in shadows, what stands in its fields, its storage.
const PAGE: &str = r"
const parts = [document.documentElement.outerHTML, location.href, document.cookie, JSON.stringify(history.state)];
const look = (root) => {
    for (const one of root.querySelectorAll('*')) {
        if (typeof one.value === 'string') parts.push(one.value);
        if (one.shadowRoot) { parts.push(one.shadowRoot.innerHTML); look(one.shadowRoot); }
    }
};
look(document);
for (const storage of [localStorage, sessionStorage]) parts.push(JSON.stringify(Object.entries(storage)));
parts.push(JSON.stringify(performance.getEntries()));
return parts.join('\n')";

/// How a field shows what is typed into it, and whether the browser may keep it.
const FIELD: &str = r"
const field = document.activeElement;
return [field.type, getComputedStyle(field).getPropertyValue('-webkit-text-security'), field.autocomplete]";

/// What was heard on the way between page and program, summed up.
#[derive(Default)]
struct Heard {
    questions: usize,
    answers: usize,
    /// Commands that took a secret along.
    took: BTreeSet<String>,
    /// How often a secret came back.
    revealed: usize,
}

/// A window under observation.
struct Observed<'a> {
    window: Driven,
    words: &'a [String],
    heard: Heard,
}

impl<'a> Observed<'a> {
    async fn on(desktop: Desktop, words: &'a [String], heard: Heard) -> Self {
        let window = Driven::on(desktop).await;
        assert_eq!(window.script(LISTEN, vec![]).await, json!(true));
        Self { window, words, heard }
    }

    fn gives_away(&self, text: &str) -> bool {
        self.words.iter().any(|word| text.contains(word))
    }

    /// Types a secret. The field hides it, and nothing is remembered for the next time.
    async fn fill(&self, label: &str, value: &str) {
        self.window.fill(label, value).await;
        let field = self.window.script(FIELD, vec![]).await;
        let hides = field[0] == json!("password") || (field[0] == json!("textarea") && field[1] == json!("disc"));
        assert!(hides, "{label} is shown as it is typed: {field}");
        assert!([json!("off"), json!("new-password")].contains(&field[2]), "{label} is completed: {field}");
        assert!(!self.gives_away(&self.window.text().await), "what is typed into {label} is seen");
    }

    async fn page(&self) -> String {
        self.window.script(PAGE, vec![]).await.as_str().unwrap().to_owned()
    }

    /// Nothing of a secret is in the page now, nor was in what it heard; only the commands that must took one along.
    async fn look(&mut self, when: &str) {
        let page = self.page().await;
        let found = self.words.iter().find_map(|word| Some(page[..page.find(word)?].chars().rev().take(200)));
        let before = found.map(|found| found.collect::<Vec<_>>().into_iter().rev().collect::<String>());
        assert_eq!(before, None, "a secret is in the page, {when}, behind this");
        let heard = self.window.script("return window.heard.splice(0)", vec![]).await;
        let heard: Vec<(String, String, String)> = serde_json::from_value(heard).unwrap();
        for (way, command, text) in heard {
            let secret = self.gives_away(&text);
            if way == "asked" {
                self.heard.questions += 1;
                assert!(!secret || WITH_SECRETS.contains(&command.as_str()), "{command} took a secret along, {when}");
                self.heard.took.extend(secret.then_some(command));
            } else {
                self.heard.answers += 1;
                assert!(!secret || command == REVEALS, "a secret came with {command}, {when}: {text}");
                self.heard.revealed += usize::from(secret);
            }
        }
    }

    /// Types the value of a secret of a half-finished site.
    async fn give_draft(&self, name: &str, value: &str) {
        self.window.press(&format!("Type or paste: {name}")).await;
        self.fill(&format!("Value of {name}"), value).await;
        self.window.press("Keep it").await;
        self.window.unseen(&format!("Value of {name}")).await;
    }

    /// Types the value of a secret of a site.
    async fn give(&self, name: &str, value: &str, action: &str) {
        self.window.press(&format!("{} {name}", action.split(' ').next().unwrap())).await;
        self.window.choose("Type or paste it").await;
        self.fill("Value", value).await;
        self.window.press(if action == "Set" { "Set it" } else { "Replace it" }).await;
        self.window.unseen("Where does the value come from?").await;
    }
}

impl Desktop {
    /// A desktop that is as loud as can be, and whose person has a key with a passphrase.
    fn loud(passphrase: &str) -> Self {
        let mut desktop = Self::new();
        let temporary = desktop.folder.path().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        desktop.environment.push(("TMPDIR", temporary.display().to_string()));
        for (name, value) in [
            ("RUST_LOG", "trace"),
            ("RUST_BACKTRACE", "full"),
            ("DEBUG", "1"),
            ("G_MESSAGES_DEBUG", "all"),
            ("WEBKIT_DEBUG", "all"),
        ] {
            desktop.environment.push((name, value.to_owned()));
        }
        let key = desktop.home().join(".ssh/id_ed25519");
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-a", "1", "-N", passphrase, "-f"]).arg(key);
        assert!(keygen.stdin(Stdio::null()).status().unwrap().success());
        desktop
    }

    /// What the keyring holds under this name.
    fn kept(&self, name: &str) -> String {
        let output = self
            .command("secret-tool")
            .env_remove("G_MESSAGES_DEBUG")
            .args(["lookup", "service", "slipway", "username", name])
            .output()
            .unwrap();
        assert!(output.status.success(), "the keyring has no {name}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything that was said on the session's bus.
    fn said_on_the_bus(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("bus.log")).unwrap()).into_owned()
    }

    /// Takes the keyboard from the window: what happens from now on is told by notifications, too.
    fn look_away(&self) {
        let (display, _) = x11rb::connect(Some(self.display())).unwrap();
        display.set_input_focus(InputFocus::NONE, x11rb::NONE, x11rb::CURRENT_TIME).unwrap().check().unwrap();
    }

    /// No process that may hold a secret leaves its memory behind when it crashes.
    fn assert_no_dumps(&self) {
        let mut names = BTreeSet::new();
        for pid in self.processes() {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
            let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default();
            if name.starts_with("slipway-desktop") || name.starts_with("WebKit") && !name.starts_with("WebKitWebDriver")
            {
                assert_eq!(core.split_whitespace().nth(4), Some("0"), "{name}: {core}");
                names.insert(name.chars().take(9).collect::<String>());
            }
        }
        assert_eq!(names.len(), 3, "{names:?}");
    }
}

/// A script inside the host, which must succeed.
fn inside(host: &Host, script: &str) -> String {
    let output = host.shell(script);
    assert!(output.is_success(), "{script}: {output}");
    output.stdout
}

/// Waits for what `script` says inside the host.
async fn until(host: &Host, script: &str) {
    let deadline = Instant::now() + LOOK;
    while !host.shell(script).is_success() {
        assert!(Instant::now() < deadline, "it never was so: {script}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Adds the host; each secret is typed wrong first.
async fn add(observed: &mut Observed<'_>, host: &Host, canaries: &Canaries) {
    let window = &observed.window;
    window.press("Add your first server").await;
    window.fill("Address", &format!("operator@{}", host.address())).await;
    window.fill("Name here", "web1").await;
    window.press("Test and add").await;
    window.see_within(LOOK, "Is this really your host?").await;
    window.press("It is the same: go on").await;
    for (asks, label, name, refuses) in [
        ("The key's passphrase", "Passphrase", "passphrase", "does not open the key"),
        ("The password for sudo", "sudo password", "sudo", "sudo refused this password"),
    ] {
        observed.window.see_within(LOOK, asks).await;
        observed.fill(label, canaries.value(&format!("{name}-mistyped"))).await;
        observed.window.press("Go on").await;
        observed.window.see_within(LOOK, refuses).await;
        observed.look("after a wrong answer").await;
        observed.fill(label, canaries.value(name)).await;
        observed.window.press("Go on").await;
    }
    observed.window.see_within(LOOK, "web1 is added and ready").await;
    observed.look("after the host was added").await;
}

/// What the site file says beside the wizard's answers.
const MORE: &str = r#"
[secret_file."files/token.txt"]
env = "TOKEN_FILE"

[secret.DB_PASSWORD]

[config_file."settings.json"]
env = "SETTINGS"
json = { url = "postgres://parlour:{secret:DB_PASSWORD}@127.0.0.1/parlour" }
"#;

/// Sets the site up, with what the wizard asks and what its site file says besides, to a plan.
async fn set_up(observed: &mut Observed<'_>, canaries: &Canaries) {
    answer_until_secrets(&observed.window).await;
    observed.give_draft("SECRET_KEY", canaries.value("SECRET_KEY")).await;
    observed.window.fill("Another one", "API_TOKEN").await;
    observed.window.click_at("//button[normalize-space(.)='Add']").await;
    observed.give_draft("API_TOKEN", canaries.value("API_TOKEN-before")).await;
    observed.window.see("All of them have a value").await;
    observed.window.press("Continue").await;
    observed.window.see("Who may come in").await;
    observed.window.fill("At the latest after", "10s").await;
    observed.window.fill("Ask for a password: name of the user", "ann").await;
    observed.window.click_at("//button[normalize-space(.)='Add']").await;
    observed.window.see("the secret ANN_PASSWORD").await;
    observed.window.press("Continue").await;
    observed.window.press("Give it").await;
    observed.give_draft("ANN_PASSWORD", canaries.value("ANN_PASSWORD")).await;
    observed.look("after the wizard's secrets").await;
    for seen in ["How is it looked after?", "Is this what you want?"] {
        observed.window.press("Continue").await;
        observed.window.see(seen).await;
    }
    observed.window.press("Make the plan").await;
    observed.window.see_within(LOOK, "Review plan").await;

    let file = observed.window.desktop.site_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + MORE).unwrap();
    observed.window.go("#/sites/parlour/web1/secrets").await;
    observed.give("files/token.txt", canaries.value("files/token.txt"), "Set").await;
    observed.give("DB_PASSWORD", canaries.value("DB_PASSWORD"), "Set").await;
    observed.give("API_TOKEN", canaries.value("API_TOKEN"), "Rotate").await;
    observed.look("after the site's secrets").await;

    // Shown when a person asks twice, and gone when it is hidden.
    observed.window.press("More for API_TOKEN").await;
    observed.window.click_at("//*[@role='menuitem'][starts-with(normalize-space(.), 'Show the value')]").await;
    observed.window.press("Show it for 20 seconds").await;
    observed.window.see(canaries.value("API_TOKEN")).await;
    assert!(observed.gives_away(&observed.page().await));
    observed.window.press("Hide now").await;
    observed.window.unseen(canaries.value("API_TOKEN")).await;
    observed.look("after a value was shown").await;
}

/// Where a canary belongs, and that it has arrived there; returns the application's user.
fn arrived(host: &Host, desktop: &Desktop, canaries: &Canaries) -> u32 {
    let unit = "systemctl list-units --plain --no-legend 'parlour-web.*@*.service' | cut -d ' ' -f 1 | head -n 1";
    let main = inside(host, &format!("systemctl show --value -p MainPID $({unit})"));
    let environment = inside(host, &format!("tr '\\0' '\\n' </proc/{}/environ", main.trim()));
    assert_eq!(
        canaries.within(&environment),
        BTreeSet::from(["API_TOKEN", "DB_PASSWORD", "SECRET_KEY"]),
        "{environment}"
    );
    let of = |variable: &str| {
        let file = environment.lines().find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
        inside(host, &format!("cat '{}'", file.unwrap_or_else(|| panic!("no {variable}: {environment}"))))
    };
    assert_eq!(of("TOKEN_FILE"), canaries.value("files/token.txt"));
    assert_eq!(canaries.within(&of("SETTINGS")), BTreeSet::from(["DB_PASSWORD"]));
    let door = "read -r login; curl -sk --resolve parlour.test:443:127.0.0.1 -K - https://parlour.test/version <<E\nuser = \"$login\"\nE\n";
    assert_eq!(ask(host.address(), "https://parlour.test/version").status, 401);
    assert!(with_words(host, door, &[format!("ann:{}\n", canaries.value("ANN_PASSWORD"))]).contains("v1"));

    for name in ["SECRET_KEY", "API_TOKEN", "ANN_PASSWORD", "files/token.txt", "DB_PASSWORD"] {
        assert_eq!(desktop.kept(&format!("parlour/{name}")), canaries.value(name));
    }
    assert_eq!(desktop.kept("parlour/API_TOKEN (previous)"), canaries.value("API_TOKEN-before"));
    inside(host, "id -u parlour").trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_typed_into_the_window_are_found_nowhere_else() {
    if !desktop::or_not_run() || !Prerequisites::or_not_run() {
        return;
    }
    let mut canaries = Canaries::new();
    for name in ["passphrase", "passphrase-mistyped", "sudo", "sudo-mistyped", "SECRET_KEY", "API_TOKEN-before"] {
        canaries.add(name);
    }
    for name in ["API_TOKEN", "ANN_PASSWORD", "files/token.txt", "DB_PASSWORD"] {
        canaries.add(name);
    }
    let words = canaries.words();
    // Before anybody watches: the passphrase is on a command line there.
    let mut desktop = Desktop::loud(canaries.value("passphrase"));
    let watcher = Watcher::start(words.clone());
    desktop.record_bus();
    let options = HostOptions {
        sudo_password: canaries.value("sudo").to_owned(),
        sshd_settings: vec!["LogLevel DEBUG3".to_owned()],
        ..HostOptions::default()
    };
    let host = Host::boot(Distribution::Debian12, options).unwrap();
    let key = std::fs::read(desktop.home().join(".ssh/id_ed25519.pub")).unwrap();
    host.write_file("/home/operator/.ssh/authorized_keys", key).unwrap();
    inside(&host, "systemctl log-level debug");

    let mut observed = Observed::on(desktop, &words, Heard::default()).await;
    add(&mut observed, &host, &canaries).await;
    set_up(&mut observed, &canaries).await;
    observed.window.press("Plan changes").await;
    observed.window.press("Apply this plan").await;
    observed.window.see_within(RUN, "web1 is set up for parlour").await;
    observed.look("after apply").await;
    observed.window.press("Go to parlour").await;
    deploy(&observed.window, "Succeeded").await;
    observed.look("after a deployment").await;
    let user = arrived(&host, &observed.window.desktop, &canaries);

    observed.window.press("Go to parlour").await;
    observed.window.desktop.assemble("v4");
    observed.window.desktop.look_away();
    deploy(&observed.window, "It failed before anything that is being served was touched.").await;
    observed.look("after a deployment that failed").await;
    observed.window.press("Go to parlour").await;

    observed.window.press("Deploy…").await;
    observed.window.press("See what will happen").await;
    observed.window.see_within(LOOK, "This is what will happen").await;
    observed.window.press("Deploy now").await;
    // For ten seconds it is waited for a better answer.
    until(&host, "systemctl is-active parlour-gate.web.service | grep -qx 'active\\|activating'").await;
    observed.look("in the middle of a deployment").await;
    observed.window.desktop.assert_no_dumps();
    let Observed { window, heard, .. } = observed;
    let desktop = window.kill();
    let mut held = inside_host(&host, "parlour", &words, "after the window was killed");

    // What the host needs was not remembered; now it is, and a third window need not ask.
    let mut observed = Observed::on(desktop, &words, heard).await;
    observed.window.see_within(LOOK, "Waits for you").await;
    observed.window.press("Give it to web1").await;
    observed.fill("Passphrase", canaries.value("passphrase")).await;
    observed.window.press("Connect").await;
    observed.window.see_within(LOOK, "Password for sudo").await;
    observed.fill("sudo password", canaries.value("sudo")).await;
    observed.window.click_at("//label[contains(., 'Keep it in the keyring')]").await;
    observed.window.press("Connect").await;
    observed.window.see_within(LOOK, "Reachable").await;
    observed.look("after the host was given what it needs").await;
    let Observed { window, heard, .. } = observed;
    let desktop = window.quit().await;
    for (name, canary) in [("KEY_PASSPHRASE", "passphrase"), ("SUDO_PASSWORD", "sudo")] {
        assert_eq!(canaries.within(&desktop.kept(&format!("@web1/{name}"))), BTreeSet::from([canary]));
    }
    let mut observed = Observed::on(desktop, &words, heard).await;
    observed.window.see_within(LOOK, "Reachable").await;
    for (page, seen) in [
        ("#/sites/parlour/web1/secrets", "ANN_PASSWORD"),
        ("#/logs?site=parlour&host=web1", "web@8000 · "),
        ("#/history", "Cut off"),
    ] {
        observed.window.go(page).await;
        observed.window.see_within(LOOK, seen).await;
        observed.look("in a window that was started anew").await;
    }
    observed.window.follow("Deploy parlour").await;
    observed.window.press("What was planned").await;
    observed.look("in the story of a run").await;
    until(&host, "! systemctl list-units --plain --no-legend 'slipway-run-*' | grep -q .").await;
    let Observed { window, heard, .. } = observed;
    let desktop = window.quit().await;
    held.extend(inside_host(&host, "parlour", &words, "at the end"));

    let seen = watcher.finish();
    let allowed = |sighting: &Sighting| sighting.place == "environ" && sighting.user == user;
    let wrong: Vec<_> = seen.sightings.iter().filter(|(sighting, _)| !allowed(sighting)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(!seen.sightings.is_empty(), "the application was never looked at");
    let mut files = 0;
    let kept = below(desktop.folder.path(), &words, &mut files);
    assert!(kept.is_empty(), "{kept:#?}");

    // All of this was looked at, or nothing would be proved.
    assert_eq!(heard.took.iter().map(String::as_str).collect::<Vec<_>>(), WITH_SECRETS);
    assert_eq!(heard.revealed, 1);
    let said = desktop.said_on_the_bus();
    for words in ["org.freedesktop.Secret.Item", "Slipway: deploy of parlour on web1 has ended"] {
        assert!(said.contains(words), "nobody said {words} on the bus");
    }
    assert!(desktop.driver_log().contains("(slipway-desktop:"), "the program printed nothing");
    assert!(desktop.folder.path().join("data/org.slipway.desktop").exists(), "the browser stored nothing");
    println!(
        "{} canaries; {} questions and {} answers of the page; {} processes in {} looks, {} held one by right; {} bytes \
         printed, {} said on the bus, {files} files kept here: none; on the host in {} files",
        canaries.all().len(),
        heard.questions,
        heard.answers,
        seen.processes.len(),
        seen.looks,
        seen.sightings.len(),
        desktop.driver_log().len(),
        said.len(),
        held.into_iter().collect::<BTreeSet<_>>().len()
    );
}
