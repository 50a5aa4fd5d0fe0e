//! The desktop window of Slipway: state set-up and thin commands over the engine. No decisions.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod app;
mod commands;
mod view;

fn main() {
    let bridge = commands::bridge();
    let started = tauri::Builder::default()
        .invoke_handler(bridge.invoke_handler())
        .setup(move |handle| {
            bridge.mount_events(handle);
            tauri::Manager::manage(handle, app::App {});
            Ok(())
        })
        .run(tauri::generate_context!());
    if let Err(error) = started {
        eprintln!("Slipway's window could not be opened: {error}");
        std::process::exit(1);
    }
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
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        assert!(
            std::fs::read_to_string(&path).unwrap_or_default() == text,
            "ui/src/backend/generated/bindings.ts is stale: SLIPWAY_BLESS=1 cargo test -p slipway-desktop"
        );
    }
}
