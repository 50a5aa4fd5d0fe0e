//! Prepares what Tauri builds into the program.

use std::path::Path;

fn main() {
    // The program embeds the built pages. Without them it still builds and says what is missing.
    let pages = Path::new("../ui/dist");
    if !pages.join("index.html").exists() {
        let page =
            "<!doctype html><title>Slipway</title><p>The pages were not built: npm ci && npm run build, in ui/.</p>";
        let written = std::fs::create_dir_all(pages).and_then(|()| std::fs::write(pages.join("index.html"), page));
        if let Err(error) = written {
            println!("cargo:warning=ui/dist cannot be written: {error}");
        }
    }
    println!("cargo:rerun-if-changed=../ui/dist");
    tauri_build::build();
}
