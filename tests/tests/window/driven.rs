//! The window as a person uses it: words that are seen, fields that are filled in, buttons that are pressed.

use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use crate::desktop::{Desktop, picture_of_failure, pictures, program};

/// How long a page may take to show what it has been told to.
const SOON: Duration = Duration::from_secs(20);
/// How long the window may take to be there.
const START: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const OFTEN: Duration = Duration::from_millis(60);

/// A running window.
pub(crate) struct Driven {
    pub(crate) client: Client,
    pub(crate) desktop: Desktop,
}

impl Driven {
    /// Starts the program on a desktop of its own.
    pub(crate) async fn start() -> Self {
        Self::on(Desktop::new()).await
    }

    /// Starts the program on this desktop.
    pub(crate) async fn on(mut desktop: Desktop) -> Self {
        let driver = desktop.start_driver();
        let mut wanted = serde_json::Map::new();
        wanted.insert("webkitgtk:browserOptions".to_owned(), json!({ "binary": program(), "args": [] }));
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
        let mut builder = ClientBuilder::new(connector);
        // The driver waits for ever for a program that has ended.
        match tokio::time::timeout(START, builder.capabilities(wanted).connect(&driver)).await {
            Ok(Ok(client)) => Self { client, desktop },
            Ok(Err(error)) => panic!("no window: {error}\n{}", desktop.driver_log()),
            Err(_) => panic!("no window within {START:?}\n{}", desktop.driver_log()),
        }
    }

    /// Closes the window and keeps the desktop, for the next window.
    pub(crate) async fn quit(self) -> Desktop {
        let Self { client, mut desktop } = self;
        // The driver may be gone with the program already; what is left is ended.
        let _ = client.close().await;
        desktop.end_driver();
        desktop
    }

    /// Ends the program by SIGKILL and keeps the desktop.
    pub(crate) fn kill(self) -> Desktop {
        let Self { client, mut desktop } = self;
        desktop.kill_program();
        desktop.end_driver();
        drop(client);
        desktop
    }

    /// All text that can be seen.
    pub(crate) async fn text(&self) -> String {
        let text = self.client.execute("return document.body ? document.body.innerText : ''", vec![]).await;
        text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Waits until these words are seen.
    pub(crate) async fn see(&self, words: &str) {
        self.see_within(SOON, words).await;
    }

    pub(crate) async fn see_within(&self, patience: Duration, words: &str) {
        self.see_one_within(patience, &[words]).await;
    }

    /// Waits until one of these is seen, and tells which.
    pub(crate) async fn see_one_within<'a>(&self, patience: Duration, some: &[&'a str]) -> &'a str {
        let deadline = Instant::now() + patience;
        loop {
            let text = plain(&self.text().await);
            if let Some(seen) = some.iter().find(|words| text.contains(&plain(words))) {
                return seen;
            }
            if Instant::now() > deadline {
                self.give_up(&format!("{some:?} was not seen")).await;
            }
            tokio::time::sleep(OFTEN).await;
        }
    }

    /// Waits until these words are gone.
    pub(crate) async fn unseen(&self, words: &str) {
        self.unseen_within(SOON, words).await;
    }

    pub(crate) async fn unseen_within(&self, patience: Duration, words: &str) {
        let deadline = Instant::now() + patience;
        while plain(&self.text().await).contains(&plain(words)) {
            if Instant::now() > deadline {
                self.give_up(&format!("“{words}” is still seen")).await;
            }
            tokio::time::sleep(OFTEN).await;
        }
    }

    /// Goes to a page by its address.
    pub(crate) async fn go(&self, address: &str) {
        self.script("location.hash = arguments[0]", vec![json!(address)]).await;
    }

    /// Insists that axe finds nothing serious in what is shown now.
    pub(crate) async fn accessible(&self) {
        let axe = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(axe).unwrap();
        self.script(&format!("if (!window.axe) {{ {axe} }}"), vec![]).await;
        let script = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then((told) => done(\
                      told.violations.filter((one) => ['serious', 'critical'].includes(one.impact))\
                      .map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' '))), (error) => done([String(error)]))";
        let found = self.client.execute_async(script, vec![]).await.unwrap();
        if found != json!([]) {
            self.give_up(&format!("axe: {found}")).await;
        }
    }

    /// Waits for an element that is shown and can be used.
    pub(crate) async fn element(&self, xpath: &str) -> Element {
        let deadline = Instant::now() + SOON;
        loop {
            for element in self.client.find_all(Locator::XPath(xpath)).await.unwrap_or_default() {
                if element.is_displayed().await.unwrap_or(false) && element.is_enabled().await.unwrap_or(false) {
                    return element;
                }
            }
            if Instant::now() > deadline {
                self.give_up(&format!("there is no {xpath}")).await;
            }
            tokio::time::sleep(OFTEN).await;
        }
    }

    /// Clicks; a page may move while it is being aimed at.
    pub(crate) async fn click_at(&self, xpath: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            let error = match self.element(xpath).await.click().await {
                Ok(()) => return,
                Err(error) => error,
            };
            if Instant::now() > deadline {
                self.give_up(&format!("{xpath} cannot be clicked: {error}")).await;
            }
            tokio::time::sleep(OFTEN).await;
        }
    }

    /// Presses the button, or follows the link, that begins with these words.
    pub(crate) async fn press(&self, words: &str) {
        self.click_at(&format!(
            "//*[self::button or self::a][starts-with(normalize-space(.), \"{words}\") or @aria-label=\"{words}\"]"
        ))
        .await;
    }

    /// Presses the button that begins with these words and goes away with its window: the driver would wait for ever for
    /// the end of a click in a window that is hidden.
    pub(crate) async fn press_to_leave(&self, words: &str) {
        let script = "const found = [...document.querySelectorAll('button')].find((one) => one.textContent.trim().startsWith(arguments[0]));\
                      if (found) setTimeout(() => found.click(), 50); return Boolean(found)";
        let found = self.script(script, vec![json!(words)]).await;
        if found != json!(true) {
            self.give_up(&format!("there is no button “{words}”")).await;
        }
    }

    /// Follows the link in which these words stand.
    pub(crate) async fn follow(&self, words: &str) {
        self.click_at(&format!("//a[contains(normalize-space(.), \"{words}\")]")).await;
    }

    /// Whether such a button is there at all.
    pub(crate) async fn has_button(&self, words: &str) -> bool {
        let xpath = format!("//*[self::button or self::a][contains(normalize-space(.), \"{words}\")]");
        let script = "return document.evaluate(arguments[0], document, null, XPathResult.BOOLEAN_TYPE).booleanValue";
        self.script(&script.replace("arguments[0]", "'boolean(' + arguments[0] + ')'"), vec![json!(xpath)]).await
            == json!(true)
    }

    /// Chooses an answer that begins with these words.
    pub(crate) async fn choose(&self, words: &str) {
        self.click_at(&format!("//fieldset//label[starts-with(normalize-space(.), \"{words}\")]")).await;
    }

    async fn field(&self, label: &str) -> Element {
        self.element(&format!("//*[@id=(//label[normalize-space(text()[1])=\"{label}\"]/@for)]")).await
    }

    /// Types into the field with this label, in place of what is there.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            let field = self.field(label).await;
            // `clear` of WebDriver tells the page nothing of it.
            let all = format!("{}a{}", char::from(Key::Control), char::from(Key::Null));
            let typed = async {
                field.click().await?;
                field.send_keys(&all).await?;
                field.send_keys(&char::from(Key::Backspace).to_string()).await?;
                field.send_keys(text).await?;
                field.prop("value").await
            };
            // The page may be drawn anew meanwhile; what counts is what stands in the field.
            match typed.await {
                Ok(Some(value)) if value == text => return,
                other => {
                    if Instant::now() > deadline {
                        self.give_up(&format!("“{label}” cannot be filled in: {other:?}")).await;
                    }
                }
            }
        }
    }

    /// What stands in the field with this label.
    pub(crate) async fn value(&self, label: &str) -> String {
        self.field(label).await.prop("value").await.ok().flatten().unwrap_or_default()
    }

    /// Runs a script in the page.
    pub(crate) async fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        match self.client.execute(script, arguments).await {
            Ok(value) => value,
            Err(error) => panic!("{script}: {error}"),
        }
    }

    /// Waits until this script says true.
    pub(crate) async fn until(&self, script: &str) {
        let deadline = Instant::now() + SOON;
        while self.script(script, vec![]).await != json!(true) {
            if Instant::now() > deadline {
                self.give_up(&format!("it never was so: {script}")).await;
            }
            tokio::time::sleep(OFTEN).await;
        }
    }

    /// Takes a picture, where pictures are wanted.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = pictures() else { return };
        // What the page says is drawn with its next frame.
        let drawn = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))";
        let _ = self.client.execute_async(drawn, vec![]).await;
        // A picture that cannot be taken breaks no test.
        if let Ok(picture) = self.client.screenshot().await {
            std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
        }
    }

    async fn give_up(&self, why: &str) -> ! {
        let picture = picture_of_failure();
        if let Ok(shot) = self.client.screenshot().await {
            let _ = std::fs::write(&picture, shot);
        }
        let address = self.client.current_url().await.map(|url| url.to_string()).unwrap_or_default();
        panic!(
            "{why} at {address}; picture: {}\n--- seen:\n{}\n--- printed:\n{}",
            picture.display(),
            self.text().await,
            self.desktop.driver_log()
        );
    }
}

/// Text without regard to how it is set: breaks and non-breaking spaces are spaces.
fn plain(text: &str) -> String {
    text.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
