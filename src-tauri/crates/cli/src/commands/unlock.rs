//! `slipway unlock`.

use slipway_engine::lock;

use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::print::text::visible;

/// Takes the host lock away from its holder, unless a run is at work on the host.
pub(crate) async fn run(context: &Context) -> Outcome {
    let desk = context.desk()?;
    let host = desk.choose_host(context.global.host.as_ref(), None)?;
    let question =
        format!("End the lock on {host}? Whoever holds it may be in the middle of a run from another desktop");
    context.agreed(&question).await?;
    let link = context.link(&desk, &host).await?;
    let holder = lock::unlock(&link).await?;
    let text = match &holder {
        Some(holder) => format!(
            "{host} is free. The lock was {}'s: {}, {} s old.",
            visible(&holder.owner),
            visible(&holder.reason),
            holder.held_for_s
        ),
        None => format!("{host} was not locked."),
    };
    context.answer(&holder, text);
    Ok(Exit::Done)
}
