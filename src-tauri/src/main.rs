//! The desktop window of Slipway: state set-up and thin commands over the engine. No decisions.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod app;
mod closing;
mod commands;
mod dialogs;
mod settings;
mod usage;
mod view;

use std::sync::Arc;

use slipway_engine::answers::Answers;
use slipway_engine::clock;
use slipway_engine::desk::{Desk, surroundings};
use slipway_engine::failure::Failure;
use slipway_engine::fleet::Fleet;
use slipway_engine::secrets::{OnDemand, SecretStore};
use tauri::Manager;
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

use crate::app::App;

fn main() {
    let bridge = commands::bridge();
    let started = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|handle, _, _| closing::show_again(handle)))
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
                    handle
                        .dialog()
                        .message(text.join("\n\n"))
                        .kind(MessageDialogKind::Error)
                        .title("Slipway")
                        .blocking_show();
                    handle.handle().exit(1);
                }
            }
            Ok(())
        })
        .run(tauri::generate_context!());
    if let Err(error) = started {
        eprintln!("Slipway's window could not be opened: {error}");
        std::process::exit(1);
    }
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
