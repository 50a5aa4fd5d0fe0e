//! Whether there is something to see, and for everybody.

use serde_json::json;

use crate::desktop::{self, Desktop};
use crate::driven::Driven;

#[tokio::test(flavor = "multi_thread")]
async fn a_desktop_without_a_language_is_not_blank() {
    if desktop::or_not_run() {
        let window = Driven::on(Desktop::speaking("C")).await;
        window.see("Add your first server").await;
        window.quit().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_pages_can_be_used_by_everybody() {
    if !desktop::or_not_run() {
        return;
    }
    let axe = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(axe).unwrap();
    let window = Driven::start().await;
    window.see("Add your first server").await;
    window.script(&axe, vec![]).await;
    for (address, words) in [
        ("#/hosts", "Add your first server"),
        ("#/hosts/+add", "Test and add"),
        ("#/sites", "No site is set up from here yet"),
        ("#/new", "Which host will run it?"),
        ("#/logs", "Logs"),
        ("#/history", "What you do on your hosts is kept here"),
        ("#/settings", "Settings"),
    ] {
        window.script("location.hash = arguments[0]", vec![json!(address)]).await;
        window.see(words).await;
        let script = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then((told) => done(\
                      told.violations.filter((one) => ['serious', 'critical'].includes(one.impact))\
                      .map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' '))), (error) => done([String(error)]))";
        let found = window.client.execute_async(script, vec![]).await.unwrap();
        assert_eq!(found, json!([]), "{address}");
    }
    window.quit().await;
}
