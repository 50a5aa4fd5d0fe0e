//! The desktop window of Slipway: state set-up and thin commands over the engine. No decisions.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod app;
mod closing;
mod commands;
mod dialogs;
mod settings;
mod usage;
mod view;

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::sync::Arc;

use slipway_core::digest::Digest;
use slipway_engine::answers::Answers;
use slipway_engine::clock;
use slipway_engine::desk::Desk;
use slipway_engine::failure::Failure;
use slipway_engine::fleet::Fleet;
use slipway_engine::home::Home;
use slipway_engine::secrets::{OnDemand, SecretStore};
use slipway_engine::surroundings::surroundings;
use tauri::Manager;
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

use crate::app::App;

fn main() {
    slipway_engine::core_dumps::limit();
    let bridge = commands::bridge();
    let started = tauri::Builder::default()
        .plugin(
            tauri_plugin_single_instance::Builder::new()
                .callback(|handle, _, _| closing::show_again(handle))
                .dbus_id(bus_name(Home::locate(|name| surroundings().variable(name)).ok().as_deref()))
                .build(),
        )
        .plugin(tauri::plugin::Builder::<tauri::Wry>::new("own-pages").on_navigation(|_, url| is_own(url)).build())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .invoke_handler(bridge.invoke_handler())
        .on_window_event(closing::on_event)
        .setup(move |handle| {
            bridge.mount_events(handle);
            // Tasks of the engine belong to the runtime that commands run in.
            let runtime = tauri::async_runtime::handle();
            let _inside = runtime.inner().enter();
            match open() {
                Ok(app) => {
                    handle.manage(app);
                    tauri::async_runtime::spawn(closing::tell_of_ends(handle.handle().clone()));
                }
                Err(failure) => {
                    let text = [vec![failure.message], failure.causes, failure.hint.into_iter().collect()].concat();
                    let text = text.join("\n\n");
                    eprintln!("{text}");
                    closing::hide(handle.handle());
                    // Waiting here would keep the dialog itself from being drawn.
                    let ending = handle.handle().clone();
                    let dialog = handle.dialog().message(text).kind(MessageDialogKind::Error).title("Slipway");
                    dialog.show(move |_| ending.exit(1));
                }
            }
            Ok(())
        })
        .run(tauri::generate_context!());
    if let Err(error) = started {
        if matches!(&error, tauri::Error::PluginInitialization(plugin, _) if plugin == "single-instance") {
            start_again();
        }
        eprintln!("Slipway's window could not be opened: {error}");
        std::process::exit(1);
    }
}

/// Becomes a new process of this program, once: the window that this start was handed to was just going away. Returns
/// when that cannot be done, or has been done.
fn start_again() {
    const AGAIN: &str = "SLIPWAY_STARTED_AGAIN";
    if std::env::var_os(AGAIN).is_none()
        && let Ok(program) = std::env::current_exe()
    {
        let error = std::process::Command::new(program).args(std::env::args_os().skip(1)).env(AGAIN, "1").exec();
        eprintln!("Slipway could not be started again: {error}");
    }
}

/// The name under which a second start finds the first. Windows over other local state are other windows.
fn bus_name(home: Option<&Path>) -> String {
    let home = home.map(|home| home.canonicalize().or_else(|_| std::path::absolute(home)).unwrap_or_default());
    let digest = Digest::of(home.unwrap_or_default().as_os_str().as_encoded_bytes());
    format!(
        "org.slipway.desktop.h{}",
        digest.as_str().chars().filter(char::is_ascii_hexdigit).take(16).collect::<String>()
    )
}

/// Whether an address is one of the program's own pages. No link of the window leads elsewhere; other pages are opened
/// in the browser.
fn is_own(url: &tauri::Url) -> bool {
    url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost") || url.as_str() == "about:blank"
}

fn open() -> Result<App, Failure> {
    let secrets: Arc<dyn SecretStore> = Arc::new(OnDemand::default());
    let desk = Arc::new(Desk::open(surroundings(), secrets.clone(), Arc::new(clock::System))?);
    let settings = settings::Store::open(desk.home.clone());
    let fleet = Arc::new(Fleet::new(desk.clone(), Answers::new(secrets)));
    Ok(App::new(desk, fleet, settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_over_other_local_state_are_other_windows() {
        let folder = std::env::temp_dir();
        let (one, other) = (bus_name(Some(&folder)), bus_name(Some(&folder.join("other"))));
        assert_ne!(one, other);
        assert_eq!(one, bus_name(Some(&folder.join("."))));
        // An element of a D-Bus name begins with a letter; the whole has at most 255 bytes.
        assert!(one.len() < 100 && one.split('.').all(|part| part.starts_with(|c: char| c.is_ascii_alphabetic())));
        assert!(!bus_name(None).is_empty());
    }

    #[test]
    fn the_window_stays_on_its_own_pages() {
        let own = |text: &str| is_own(&text.parse().unwrap());
        assert!(own("tauri://localhost/index.html#/hosts") && own("http://tauri.localhost/"));
        for foreign in ["https://example.com/", "http://localhost:1420/", "file:///etc/passwd", "data:text/html,x"] {
            assert!(!own(foreign), "{foreign}");
        }
    }

    /// The types of the front end are those of the commands. `SLIPWAY_BLESS=1` writes them anew.
    #[test]
    fn the_generated_types_are_fresh() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/backend/generated/bindings.ts");
        let fresh = std::env::temp_dir().join(format!("slipway-bindings-{}.ts", std::process::id()));
        super::commands::bridge().export(specta_typescript::Typescript::default(), &fresh).unwrap();
        let text = std::fs::read_to_string(&fresh).unwrap();
        std::fs::remove_file(&fresh).unwrap();
        if std::env::var_os("SLIPWAY_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "bindings.ts is stale: SLIPWAY_BLESS=1 cargo test -p slipway-desktop");
    }
}
