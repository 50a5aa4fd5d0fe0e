//! What the window can ask for: thin commands, at most ten lines each. Decisions are the engine's.

pub(crate) mod app;
pub(crate) mod hosts;
pub(crate) mod plans;
pub(crate) mod runs;
pub(crate) mod secrets;
pub(crate) mod sites;
pub(crate) mod wizard;

/// Every command and event that crosses the bridge, with their types.
pub(crate) fn bridge() -> tauri_specta::Builder<tauri::Wry> {
    tauri_specta::Builder::new()
        // An absent value is always written as null, in both directions.
        .disable_serde_phases()
        .commands(tauri_specta::collect_commands![
            app::app_state,
            app::disposable,
            app::keyring_state,
            app::usage,
            app::save_settings,
            app::templates,
            app::export_inventory,
            app::import_inventory,
            app::choose,
            app::open_link,
            app::close_choice,
            app::start_disposable,
            app::unwatch,
            hosts::hosts,
            hosts::watch_hosts,
            hosts::host,
            hosts::refresh_host,
            hosts::try_host,
            hosts::add_host,
            hosts::edit_host,
            hosts::remove_host,
            hosts::agent_keys,
            hosts::key_files,
            hosts::ssh_aliases,
            hosts::import_aliases,
            hosts::retry_host,
            hosts::answer_host,
            hosts::readiness,
            hosts::unlock_host,
            sites::sites,
            sites::site,
            sites::watch_site,
            sites::site_text,
            sites::check_text,
            sites::save_site_text,
            sites::site_schema,
            sites::forget_site,
            sites::releases,
            sites::remove_release,
            sites::refs,
            sites::incoming,
            sites::compare,
            sites::service,
            sites::drift,
            sites::watch_logs,
            sites::audit,
            plans::make_plan,
            plans::allow,
            plans::export_plan,
            runs::start_run,
            runs::cancel_run,
            runs::watch_active,
            runs::watch_run,
            runs::runs,
            runs::run,
            secrets::secrets,
            secrets::set_secret,
            secrets::remove_secret,
            secrets::reveal_secret,
            secrets::strength,
            wizard::blueprints,
            wizard::size_profiles,
            wizard::drafts,
            wizard::new_draft,
            wizard::draft,
            wizard::edit_draft,
            wizard::set_draft_text,
            wizard::set_draft_place,
            wizard::use_blueprint,
            wizard::detect_source,
            wizard::use_detected,
            wizard::use_size,
            wizard::set_draft_secret,
            wizard::remove_draft,
            wizard::finish_draft,
        ])
        .events(tauri_specta::collect_events![crate::view::app::CloseAsked])
}
