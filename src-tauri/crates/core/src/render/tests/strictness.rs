use super::*;

fn with_override(name: &str, text: &str) -> World {
    let mut world = World::new(static_site());
    world.overrides.insert(name.into(), text.into());
    world
}

#[test]
fn text_cannot_be_printed_without_an_encoder() {
    let printed = |text: &str| with_override("systemd/site.target", text).errors();
    for bad in [
        "{{ site }}",
        "{{ template }}",
        "{{ 'text' }}",
        "{{ true }}",
        "{{ none }}",
        "{{ [1] }}",
        "{{ {'a': 1} }}",
        "{{ nothing }}",
        "{{ site.nothing.more }}",
        "{{ 'x' | safe }}",
        "{{ 'x' | upper }}",
        "{{ site ~ 'x' }}",
        "{% set x %}a{% endset %}{{ x }}",
        "{% macro m() %}a{% endmacro %}{{ m() }}",
        "{{ site | nginxid }}",
        "{{ 'x' | py }}",
        "{{ 1.5 }}",
    ] {
        let errors = printed(bad);
        assert_eq!(errors.len(), 1, "{bad}: {errors:?}");
        assert!(errors[0].starts_with("template systemd/site.target, line 1: "), "{bad}: {errors:?}");
    }
    assert!(printed("{{ site | sd }} {{ 7 }}").is_empty());
}

#[test]
fn an_override_wins_and_its_mistakes_have_a_line() {
    let world = with_override("systemd/site.target", "[Unit]\nDescription=mine {{ site | sd }}\n");
    assert_eq!(world.file("/etc/systemd/system/docs.target"), "[Unit]\nDescription=mine docs\n");
    let errors = with_override("systemd/site.target", "[Unit]\n{% if %}\n").errors();
    assert!(errors[0].starts_with("template systemd/site.target, line 2: syntax error"), "{errors:?}");
    let errors = with_override("systemd/nothing", "").errors();
    assert!(errors[0].contains("no built-in template"), "{errors:?}");
}

#[test]
fn an_override_may_be_any_of_the_named_templates() {
    let names = template_names();
    assert!(names.contains(&"nginx/site.conf".to_owned()), "{names:?}");
    assert!(names.iter().all(|name| template_source(name).is_some()));
    assert!(names.iter().all(|name| !name.starts_with("profiles/")));
    let mut world = World::new(rag());
    world.overrides = names.iter().filter_map(|name| Some((name.clone(), template_source(name)?))).collect();
    assert_eq!(review(&world.render()), review(&World::new(rag()).render()));
}

#[test]
fn all_errors_come_at_once_and_name_their_field() {
    let mut site = rag();
    site["environment"] = json!({ "A": "bell\u{7}", "PORT": "1", "CACHE_DIR": "x" });
    site["route"][2]["headers"] = json!({ "X-A": "$host", "bad name": "x" });
    site["route"][0]["spa"] = json!("di$t");
    site["process"]["worker"]["command"] = json!(["celery", "{port}", "a\nb"]);
    let mut world = World::new(site);
    world.secrets.remove("JWT_SECRET");
    world.secrets.remove("google/credentials.json");
    let errors = world.errors();
    for field in [
        "environment.A: ",
        "environment.PORT: ",
        "shared.\"cache\".env: ",
        "secret.JWT_SECRET: ",
        "secret_file.\"google/credentials.json\": ",
        "route[2].headers.X-A: ",
        "route[2].headers.bad name: ",
        "route[0].spa: ",
        "process.worker.command[1]: ",
        "process.worker.command[2]: ",
    ] {
        assert!(errors.iter().any(|error| error.starts_with(field)), "{field} is not in {errors:#?}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for (_, site) in all() {
        let bytes = |world: &World| -> Vec<(String, Vec<u8>)> {
            world.render().files.iter().map(|file| (file.path.clone(), file.bytes().to_vec())).collect()
        };
        assert_eq!(bytes(&World::new(site.clone())), bytes(&World::new(site)));
    }
}

#[test]
fn paths_are_unique_and_every_file_says_whose_it_is() {
    for (name, site) in all() {
        let rendered = World::new(site).render();
        let mut paths: Vec<&str> = rendered.files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), rendered.files.len(), "{name}");
        for file in &rendered.files {
            let plain = matches!(place(file), Where::Secret | Where::Application);
            assert!(plain || file.masked().starts_with("# Managed by Slipway for site "), "{}", file.path);
        }
    }
}

#[test]
fn a_secret_is_in_its_files_and_in_no_masked_text() {
    let secret = "pa\"ss$`\\w%n'ord";
    for (name, site) in all() {
        let mut world = World::new(site);
        for value in world.secrets.values_mut() {
            *value = Secret::new(secret.as_bytes());
        }
        let rendered = world.render();
        let json = serde_json::to_string(secret).unwrap();
        for file in &rendered.files {
            let debug = format!("{file:?}");
            for form in [secret, json.trim_matches('"'), "ss\\$\\`", "w%n'ord"] {
                assert!(!file.masked().contains(form) && !debug.contains(form), "{name} {}", file.path);
            }
            let open = matches!(place(file), Where::Unit | Where::NginxSite | Where::Gunicorn);
            assert!(!open || matches!(file.content, Content::Text(_)), "{name} {}", file.path);
        }
        if !world.secrets.is_empty() {
            assert!(rendered.files.iter().any(|f| matches!(f.content, Content::Secret(_))), "{name}");
        }
    }
}

#[test]
fn a_changed_secret_changes_its_fingerprint_only() {
    let mut world = World::new(flask_socketio());
    let before = world.file("/etc/web-framework/environment");
    world.secrets.insert("SECRET_KEY".into(), Secret::new(*b"another"));
    let after = world.file("/etc/web-framework/environment");
    let changed: Vec<_> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(changed.len(), 1);
    assert!(changed[0].1.starts_with("SECRET_KEY=•••••• (fingerprint "));
}

#[test]
fn secrets_for_nginx_alone_stay_out_of_the_application() {
    let text = World::new(device()).file("/etc/mesh/environment");
    assert!(text.contains("SECRET_KEY=") && !text.contains("ADMIN_PASSWORD="), "{text}");
}

#[test]
fn the_bytes_of_a_password_file_verify() {
    let world = World::new(device());
    let rendered = world.render();
    let file = rendered.files.iter().find(|file| place(file) == Where::Passwords).unwrap();
    let text = String::from_utf8(file.bytes().to_vec()).unwrap();
    let line = text.lines().nth(1).unwrap();
    assert!(line.starts_with("admin:$6$saltstring$"), "{line}");
    assert_eq!(line.len(), "admin:$6$saltstring$".len() + 86);
}
