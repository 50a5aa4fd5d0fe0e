//! `slipway releases`.

use jiff::Timestamp;
use slipway_core::release::LedgerEvent;
use slipway_engine::watch::{self, KnownRelease};

use super::status::open;
use crate::args::ReleasesCommand;
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::style::Style;
use crate::print::table::{Cell, Tone, table};
use crate::print::text::{cut, visible};
use crate::print::words;

/// Cells of a release's state; the whole reason is in the JSON form.
const LONGEST_STATE: usize = 60;

/// Lists releases, or removes one.
pub(crate) async fn run(context: &Context, command: Option<ReleasesCommand>) -> Outcome {
    let (desk, link, file) = open(context).await?;
    let site = &file.site.name;
    match command {
        None | Some(ReleasesCommand::List) => {
            let all = watch::releases(&link, site).await?;
            context.answer(&all, list(&all, desk.clock.now(), context.screen.style()));
        }
        Some(ReleasesCommand::Remove { id }) => {
            let question =
                format!("Remove the files of release {id} from {}? They cannot be brought back", link.name());
            context.agreed(&question).await?;
            watch::remove_release(&link, site, &id, &desk.asked()?).await?;
            context.answer(&id, format!("The files of release {id} are gone from {}.", link.name()));
        }
    }
    Ok(Exit::Done)
}

fn list(all: &[KnownRelease], now: Timestamp, style: Style) -> String {
    if all.is_empty() {
        return "There is no release yet.\n→ slipway deploy".to_owned();
    }
    let rows: Vec<Vec<Cell>> = all.iter().map(|release| row(release, now)).collect();
    table(&["release", "state", "made", "by", "size", "from"], &rows, style)
}

fn row(release: &KnownRelease, now: Timestamp) -> Vec<Cell> {
    let state = match &release.state {
        _ if release.active => Cell::toned("● active", Tone::Good),
        Some(state) if state.removed => Cell::toned("– removed", Tone::Dim),
        Some(state) if state.known_good => Cell::from("○ worked"),
        Some(state) => match state.last {
            LedgerEvent::Failed => {
                Cell::toned(cut(&visible(&format!("✕ failed: {}", state.text)), LONGEST_STATE), Tone::Bad)
            }
            LedgerEvent::Begin | LedgerEvent::Back => Cell::toned("▲ interrupted", Tone::Watch),
            LedgerEvent::Good | LedgerEvent::Restored => Cell::from("○ worked"),
            LedgerEvent::Removed => Cell::toned("– removed", Tone::Dim),
        },
        None => Cell::toned("– never active", Tone::Dim),
    };
    let record = release.record.as_ref();
    let made = record.and_then(|record| record.created.parse::<Timestamp>().ok());
    let from = record.map(|record| {
        let commit = record.commit.as_deref().and_then(|commit| commit.get(..12));
        let subject = record.subject.as_deref();
        let parts = [record.reference.as_deref(), commit, subject];
        let text: Vec<&str> = parts.into_iter().flatten().collect();
        if text.is_empty() { record.source.clone() } else { text.join(" ") }
    });
    vec![
        release.id.as_str().into(),
        state,
        made.map_or_else(String::new, |at| words::ago(at, now)).into(),
        record.map_or_else(String::new, |record| record.author.clone()).into(),
        Cell::number(release.bytes.map_or_else(|| "–".to_owned(), words::bytes)),
        from.unwrap_or_default().into(),
    ]
}
