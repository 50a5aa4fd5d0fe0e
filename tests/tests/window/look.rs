//! Whether there is something to see, and for everybody.

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
    let window = Driven::start().await;
    window.see("Add your first server").await;
    for (address, words) in [
        ("#/hosts", "Add your first server"),
        ("#/hosts/+add", "Test and add"),
        ("#/sites", "No site is set up from here yet"),
        ("#/new", "Which host will run it?"),
        ("#/logs", "Logs"),
        ("#/history", "What you do on your hosts is kept here"),
        ("#/settings", "Settings"),
    ] {
        window.go(address).await;
        window.see(words).await;
        window.accessible().await;
    }
    window.quit().await;
}
