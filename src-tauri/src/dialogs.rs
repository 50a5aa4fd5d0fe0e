//! The desktop's own file dialogs. The page has no way to the file system; it learns only the chosen path.

use std::path::PathBuf;

use tauri::AppHandle;
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder, FilePath};
use tokio::sync::oneshot;

async fn answer(ask: impl FnOnce(Box<dyn FnOnce(Option<FilePath>) + Send>)) -> Option<PathBuf> {
    let (tell, chosen) = oneshot::channel();
    ask(Box::new(move |path| drop(tell.send(path))));
    chosen.await.ok().flatten()?.into_path().ok()
}

fn builder(handle: &AppHandle) -> FileDialogBuilder<tauri::Wry> {
    handle.dialog().file()
}

/// A folder that is there.
pub(crate) async fn folder(handle: &AppHandle) -> Option<PathBuf> {
    answer(|tell| builder(handle).pick_folder(tell)).await
}

/// Any file that is there.
pub(crate) async fn any(handle: &AppHandle) -> Option<PathBuf> {
    answer(|tell| builder(handle).pick_file(tell)).await
}

/// A file with one of these endings.
pub(crate) async fn open(handle: &AppHandle, kind: &str, endings: &[&str]) -> Option<PathBuf> {
    answer(|tell| builder(handle).add_filter(kind, endings).pick_file(tell)).await
}

/// Where to write a file.
pub(crate) async fn save(handle: &AppHandle, name: &str) -> Option<PathBuf> {
    answer(|tell| builder(handle).set_file_name(name).save_file(tell)).await
}
