//! What the page may do: call Slipway's own commands and listen, nothing else.

use serde_json::{Value, json};

use crate::desktop;
use crate::driven::Driven;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_no_rights_of_its_own() {
    if !desktop::or_not_run() {
        return;
    }
    let window = Driven::start().await;
    window.see("Add your first server").await;
    let invoke = async |command: &str, arguments: Value| {
        let script = "const [command, given, done] = arguments; window.__TAURI_INTERNALS__.invoke(command, given)\
                      .then((told) => done({ told }), (error) => done({ refused: String(error) }))";
        window.client.execute_async(script, vec![json!(command), arguments]).await.unwrap()
    };
    for (command, arguments) in [
        ("plugin:fs|read_text_file", json!({ "path": "/etc/passwd" })),
        ("plugin:shell|execute", json!({ "program": "id", "args": [] })),
        ("plugin:opener|open_url", json!({ "url": "https://example.com/" })),
        ("plugin:opener|open_path", json!({ "path": "/etc/passwd" })),
        ("plugin:dialog|open", json!({ "options": {} })),
        ("plugin:notification|notify", json!({ "options": { "title": "x" } })),
        ("plugin:window|close", json!({ "label": "main" })),
        (
            "plugin:webview|create_webview_window",
            json!({ "options": { "label": "other", "url": "https://example.com/" } }),
        ),
        ("plugin:event|emit", json!({ "event": "close-asked", "payload": { "runs": 1 } })),
    ] {
        let told = invoke(command, arguments).await;
        let refused = told["refused"].as_str().unwrap_or_default();
        assert!(refused.contains("not allowed") || refused.contains("not found"), "{command}: {told}");
    }
    // The means of the test do reach the back end.
    let told = invoke("plugin:event|unlisten", json!({ "event": "nothing", "eventId": 4_000_000 })).await;
    assert!(told.get("told").is_some(), "{told}");

    let script = "const script = document.createElement('script'); script.textContent = 'window.ran = true';\
                  document.body.append(script);\
                  const button = document.createElement('button'); button.setAttribute('onclick', 'window.ran = true');\
                  document.body.append(button); button.click(); return window.ran === undefined";
    assert_eq!(window.script(script, vec![]).await, json!(true), "a script of the page's text was run");
    window.quit().await;
}
