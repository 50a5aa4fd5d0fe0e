//! Embeds the templates, so that the finished program needs no files of its own.

fn main() {
    minijinja_embed::embed_templates!("../../../templates");
}
