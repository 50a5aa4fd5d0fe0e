//! `slipway site …`.

use std::path::Path;

use serde::Serialize;
use slipway_core::site::blueprint::{self, Answers, Code as Source, instantiate};
use slipway_core::site::{Diagnostic, Name, parse, render_all, schema_text};
use slipway_engine::desk::allowances::leads_out;
use slipway_engine::desk::files::write_atomically;
use slipway_engine::failure::{Code, Failure};

use crate::args::{New, SiteCommand};
use crate::context::{Context, Outcome, Stop, read_site};
use crate::exit::Exit;
use crate::print::screen::Reader;
use crate::print::table::{Cell, table};
use crate::print::words;

/// Does what was asked for.
pub(crate) fn run(context: &Context, command: SiteCommand) -> Outcome {
    match command {
        SiteCommand::New(arguments) => new(context, arguments),
        SiteCommand::Check { file } => check(context, file.as_deref().unwrap_or(&context.global.site)),
        SiteCommand::Schema => schema(context),
        SiteCommand::Blueprints => blueprints(context),
        SiteCommand::Show => show(context),
    }
}

fn new(context: &Context, arguments: New) -> Outcome {
    let name = match arguments.name {
        Some(name) => name,
        None => folder_name(&arguments.output)?,
    };
    let code = match (arguments.git, arguments.folder, arguments.archive) {
        (Some(url), _, _) => Some(Source::Git { url, reference: arguments.reference }),
        (None, Some(folder), _) => Some(Source::Folder(folder)),
        (None, None, Some(archive)) => Some(Source::Archive(archive)),
        (None, None, None) => None,
    };
    let asked = Answers { name: name.clone(), domain: arguments.domain, code };
    let text = instantiate(&arguments.blueprint, &asked).map_err(|error| {
        let names: Vec<&str> = blueprint::list().iter().map(|blueprint| blueprint.name).collect();
        Failure::new(Code::Usage, error.to_string()).hint(format!("there are {}", names.join(", ")))
    })?;
    let shown = arguments.output.display().to_string();
    // What was filled in is checked like any other file before it is written.
    if let Err(diagnostics) = parse(&text) {
        return Err(Stop::WrongSite { path: shown, text, diagnostics });
    }
    if arguments.output.as_os_str() == "-" {
        context.screen.raw(&text);
        return Ok(Exit::Done);
    }
    if arguments.output.exists() && !arguments.force {
        return Err(Failure::new(Code::Usage, format!("{shown} is there already; nothing was written"))
            .hint("choose another with --output, or write over it with --force")
            .into());
    }
    write_atomically(&arguments.output, text.as_bytes())
        .map_err(|error| Failure::new(Code::Local, format!("{shown} cannot be written: {error}")))?;
    // What was just typed was chosen here.
    let file = read_site(&arguments.output)?;
    if leads_out(&file) {
        context.desk()?.allow_outside(&file)?;
    }
    #[derive(Serialize)]
    struct Written<'a> {
        site: &'a Name,
        file: &'a str,
    }
    let marks = text.lines().filter(|line| line.contains("<- change")).count();
    let todo = if marks == 0 {
        String::new()
    } else {
        format!(" {} marked “<- change” are yours.", words::count(marks, "line"))
    };
    let style = context.screen.style();
    context.answer(
        Written { site: &name, file: &shown },
        format!(
            "{} {shown} describes {name}.{todo}\n{} slipway site check; slipway plan",
            style.green("●"),
            style.cyan("→")
        ),
    );
    Ok(Exit::Done)
}

/// The name of the folder that the file is written to, made into a site's name.
fn folder_name(output: &Path) -> Result<Name, Failure> {
    let folder =
        std::path::absolute(output).ok().and_then(|path| path.parent()?.file_name()?.to_str().map(str::to_lowercase));
    let word: String =
        folder.unwrap_or_default().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    word.trim_matches('-').parse().map_err(|_| {
        Failure::new(Code::Usage, "the folder's name is no name for a site").hint("say what to call it with --name")
    })
}

fn check(context: &Context, path: &Path) -> Outcome {
    let file = read_site(path)?;
    #[derive(Serialize)]
    struct Checked<'a> {
        site: &'a Name,
        file: String,
        warnings: &'a [Diagnostic],
    }
    let shown = path.display().to_string();
    let style = context.screen.style();
    let right = format!("{} {shown} is right.", style.green("●"));
    let text = if file.warnings.is_empty() {
        right
    } else {
        format!("{}{right}", render_all(&file.warnings, &shown, &file.text))
    };
    context.answer(Checked { site: &file.site.name, file: shown, warnings: &file.warnings }, text);
    Ok(Exit::Done)
}

fn schema(context: &Context) -> Outcome {
    context.screen.raw(&schema_text());
    Ok(Exit::Done)
}

fn blueprints(context: &Context) -> Outcome {
    #[derive(Serialize)]
    struct Offered {
        name: &'static str,
        summary: &'static str,
    }
    let all = blueprint::list();
    let rows: Vec<Vec<Cell>> = all.iter().map(|one| vec![one.name.into(), one.summary.into()]).collect();
    let offered: Vec<Offered> = all.iter().map(|one| Offered { name: one.name, summary: one.summary }).collect();
    context.answer(offered, table(&["blueprint", "what for"], &rows, context.screen.style()));
    Ok(Exit::Done)
}

fn show(context: &Context) -> Outcome {
    let file = context.site_file()?;
    match context.screen.reader {
        Reader::Program => context.answer(&file.site, ""),
        Reader::Person => {
            let text = file.site.to_toml().map_err(|why| Failure::new(Code::BadSiteFile, why))?;
            context.screen.raw(&text);
        }
    }
    Ok(Exit::Done)
}
