//! A set-up that was left in the middle.

use crate::desktop;
use crate::driven::Driven;

#[tokio::test(flavor = "multi_thread")]
async fn a_half_finished_set_up_goes_on_where_it_was_left() {
    if !desktop::or_not_run() {
        return;
    }
    let window = Driven::start().await;
    window.see("Add your first server").await;
    window.press("Sites").await;
    window.press("New site").await;
    window.see("Which host will run it?").await;
    window.press("Continue").await;
    window.see("Is the host ready?").await;
    window.press("Continue").await;
    window.see("Where does the code come from?").await;
    window.choose("A folder here").await;
    let folder = window.desktop.assemble("v1").display().to_string();
    window.fill("Folder", &folder).await;
    window.fill("Name of the site", "half").await;
    window.press("Continue").await;
    window.see("Fits best").await;
    window.press("Back").await;
    window.see("Where does the code come from?").await;
    window.see("Step 3 of 9 · saved").await;

    let window = Driven::on(window.quit().await).await;
    window.press("Sites").await;
    window.see("Begun, not finished").await;
    window.press("Go on with half").await;
    window.see("Where does the code come from?").await;
    assert_eq!(window.value("Folder").await, folder);
    assert_eq!(window.value("Name of the site").await, "half");
    window.quit().await;
}
