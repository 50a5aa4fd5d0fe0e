//! `slipway facts`.

use slipway_engine::inventory::HostName;

use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print;

/// Looks at the host and shows what it is.
pub(crate) async fn run(context: &Context, name: Option<HostName>) -> Outcome {
    let desk = context.desk()?;
    let name = desk.choose_host(name.as_ref().or(context.global.host.as_ref()), None)?;
    let link = context.link(&desk, &name).await?;
    let facts = context.facts(&desk, &link).await?;
    let style = context.screen.style();
    context.answer(&facts, format!("{}\n{}", style.bold(name.as_str()), print::facts::facts(&facts, style)));
    Ok(Exit::Done)
}
