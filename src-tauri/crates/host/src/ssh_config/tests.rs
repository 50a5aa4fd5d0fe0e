use std::collections::BTreeMap;
use std::path::Path;

use super::files::SshFiles;
use super::*;

fn surroundings() -> Surroundings {
    Surroundings { home: "/home/me".into(), user: "me".into() }
}

fn settings(name: &str, text: &str) -> Settings {
    let source = Source { file: "config".into(), text: text.into() };
    resolve(name, &[source], &surroundings(), &mut |_, _| Ok(Vec::new()))
}

fn problems(settings: &Settings) -> Vec<String> {
    settings.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn defaults() {
    let all = settings("Web.Example", "");
    assert_eq!((all.host_name.as_str(), all.user.as_str(), all.port), ("web.example", "me", 22));
    assert_eq!(all.identity_files, None);
    assert_eq!(all.user_known_hosts, [Path::new("/home/me/.ssh/known_hosts"), Path::new("/home/me/.ssh/known_hosts2")]);
    assert_eq!(all.global_known_hosts[0], Path::new("/etc/ssh/ssh_known_hosts"));
    assert!(all.problems.is_empty() && all.jumps.is_empty() && !all.hash_known_hosts);
}

#[test]
fn the_first_value_wins_and_identity_files_add_up() {
    let text = "
        # a comment
        Host web*
          HostName %h.internal   # trailing comment
          Port=2222
          user = deploy
          IdentityFile \"~/.ssh/with space\"
          IDENTITYFILE ~/.ssh/%r@%h:%p-%n-%u-%d
        Host * !other
          User nobody
          Port 22
          IdentityFile ~/.ssh/common
          IdentitiesOnly yes
          UserKnownHostsFile ~/.ssh/a /b/c
          HashKnownHosts yes
          CertificateFile ~/.ssh/cert
    ";
    let web = settings("web1", text);
    assert_eq!((web.host_name.as_str(), web.user.as_str(), web.port), ("web1.internal", "deploy", 2222));
    let files = web.identity_files.unwrap();
    assert_eq!(files[0], Path::new("/home/me/.ssh/with space"));
    assert_eq!(files[1], Path::new("/home/me/.ssh/deploy@web1.internal:2222-web1-me-/home/me"));
    assert_eq!(files[2], Path::new("/home/me/.ssh/common"));
    assert!(web.identities_only && web.hash_known_hosts);
    assert_eq!(web.user_known_hosts, [Path::new("/home/me/.ssh/a"), Path::new("/b/c")]);
    assert!(problems(&settings("web1", text)).is_empty());
    let other = settings("other", text);
    assert_eq!((other.user.as_str(), other.identity_files), ("me", None));
}

#[test]
fn jumps() {
    let hop = |host: &str, user: Option<&str>, port| JumpHost { host: host.into(), user: user.map(Into::into), port };
    for (value, expected) in [
        ("none", vec![]),
        ("a", vec![hop("a", None, None)]),
        ("u@a:23,b", vec![hop("a", Some("u"), Some(23)), hop("b", None, None)]),
        ("u@[2001:db8::1]:23", vec![hop("2001:db8::1", Some("u"), Some(23))]),
        ("[::1]", vec![hop("::1", None, None)]),
        ("ssh://u@a:23", vec![hop("a", Some("u"), Some(23))]),
        ("a@b@c", vec![hop("c", Some("a@b"), None)]),
    ] {
        let settings = settings("x", &format!("ProxyJump {value}\nProxyCommand nc %h %p"));
        assert_eq!(settings.jumps, expected, "{value}");
        assert!(settings.problems.is_empty(), "{value}: ProxyJump came first");
    }
    for bad in ["::1", "a:", "a:0", "a:99999", "@a", "a,,b", "-oProxyCommand=x", "[::1]x"] {
        assert_eq!(settings("x", &format!("ProxyJump {bad}")).problems.len(), 1, "{bad}");
    }
    let command = settings("x", "ProxyCommand nc %h %p\nProxyJump a");
    assert!(command.jumps.is_empty() && command.problems.len() == 1);
    assert!(settings("x", "ProxyCommand none").problems.is_empty());
}

#[test]
fn what_is_not_followed_is_reported_where_it_matters() {
    let text = "
Match host x user y
  Port 5
  ForwardAgent yes
Match all
  Ciphers aes128-ctr
  StrictHostKeyChecking no
  ControlMaster auto
  Nonsense value
  Port 0
  User
  IdentityFile \"unbalanced
Host other
  ProxyCommand x
";
    assert_eq!(
        problems(&settings("x", text)),
        [
            "config:3: Port: it stands in a Match block that Slipway cannot judge, so it is ignored",
            "config:6: Ciphers: Slipway chooses ciphers by itself",
            "config:7: StrictHostKeyChecking: Slipway is always strict",
            "config:9: Nonsense: Slipway does not know this keyword",
            "config:10: Port: 0 is not a port",
            "config:11: User: its value is missing; the line is ignored",
            "config:12: IdentityFile: quotes do not match; the line is ignored",
        ]
    );
    assert_eq!(problems(&settings("x", "IdentityFile ~you/key\nIdentityFile %C\nIdentityFile ${HOME}/x")).len(), 3);
}

#[test]
fn includes_keep_to_their_block() {
    let files =
        BTreeMap::from([("/home/me/.ssh/a", "User a\nHost x\n Port 3\nHost y\n Port 4\n"), ("loop", "Include loop\n")]);
    let mut include = |_: &Path, pattern: &str| {
        let text = files.get(pattern).ok_or("no such file")?;
        Ok(vec![Source { file: pattern.into(), text: (*text).into() }])
    };
    let mut all = |name: &str, text: &str| {
        let source = Source { file: "config".into(), text: text.into() };
        resolve(name, &[source], &surroundings(), &mut include)
    };
    let text = "Host x\n Include ~/.ssh/a\n HostName after\n";
    let x = all("x", text);
    assert_eq!((x.user.as_str(), x.port, x.host_name.as_str()), ("a", 3, "after"));
    // In a block that does not match, nothing of the included file counts, not even its own Host lines.
    let y = all("y", text);
    assert_eq!((y.user.as_str(), y.port, y.host_name.as_str()), ("me", 22, "y"));
    assert_eq!(problems(&all("x", "Include loop")).len(), 1);
    assert_eq!(problems(&all("x", "Include missing")).len(), 1);
}

#[test]
fn a_target_is_made_of_the_files() {
    let home = tempfile::tempdir().unwrap();
    let ssh = home.path().join(".ssh");
    std::fs::create_dir_all(ssh.join("conf.d")).unwrap();
    let write = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(ssh.join(name), text).unwrap();
        std::fs::set_permissions(ssh.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("config", "Include conf.d/*.conf\nHost circle\n ProxyJump circle\nHost *\n User everyone\n");
    write("conf.d/b.conf", "Host web\n HostName 10.0.0.1\n ProxyJump edge,u@inner:24\n");
    write("conf.d/a.conf", "Host edge\n HostName edge.example\n ProxyJump first\nHost inner\n ProxyJump ignored\n");
    write("conf.d/.hidden.conf", "Host web\n HostName hidden\n");
    let mut files = SshFiles::usual(home.path(), "me", Some("/agent".into()));
    files.configuration.truncate(1);
    let (target, problems) = files.target("root@web:2022").unwrap();
    assert!(problems.is_empty());
    assert_eq!((target.name.as_str(), target.address.as_str(), target.port), ("web", "10.0.0.1", 2022));
    assert_eq!((target.user.as_str(), target.agent), ("root", Some("/agent".into())));
    assert_eq!(target.identities.len(), 3);
    assert_eq!(target.remember_in, Some(ssh.join("known_hosts")));
    let jumps: Vec<_> =
        target.jumps.iter().map(|j| (j.address.as_str(), j.user.as_str(), j.port, j.jumps.len())).collect();
    assert_eq!(jumps, [("edge.example", "everyone", 22, 1), ("inner", "u", 24, 0)]);
    assert!(files.target("circle").is_err());
    assert_eq!(files.target("::1").unwrap().0.address, "::1");
    assert!(files.target("").is_err());
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(ssh.join("config"), std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(files.target("web").is_err());
}

/// What `ssh -G` says, or `None` when there is no ssh here.
fn ssh_says(config: &Path, name: &str) -> Option<BTreeMap<String, Vec<String>>> {
    let output = std::process::Command::new("ssh").args(["-G", "-F"]).arg(config).arg(name).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        said.entry(word.to_owned()).or_default().push(value.to_owned());
    }
    Some(said)
}

#[test]
fn agrees_with_ssh() {
    let configs = [
        "Host a\n Port 2200\n User x\nHost *\n Port 22\n User y\n",
        "Host=a b\nPort=23\n\tHostName = \"A.Example\" # c\n",
        "Host * !a\n User no\nHost a*\n User yes\n",
        "Host !a\n User no\n",
        "Host \"a\" 'b c'\n IdentityFile \"/k/one two\"\n IdentityFile /k/three\\ four\n IdentityFile /k/three\\ four\n",
        "Host A\n User upper\nHost a\n User lower\n",
        "HOSTNAME %h.x%%y\nIDENTITIESONLY yes\nhashknownhosts true\n",
        "ProxyJump u@j:24,k\nProxyCommand nc\n",
        "ProxyCommand nc %h\nProxyJump j\n",
        "ProxyJump none\nHost *\nProxyJump j\n",
        "Match all\n User m\n Port 99\nUser n\n",
        "Host b\n User b\nMatch all\n User rest\n",
        "UserKnownHostsFile /k/a /k/b\nGlobalKnownHostsFile /k/g\nCertificateFile /k/c\nHostKeyAlias al\n",
        "UserKnownHostsFile none\n",
        "   Host    a   \r\n   User   spaced   \r\n",
        "Host ?\n User one\nHost ??\n User two\n",
        "Host a,b\n User comma\nHost a\n User plain\n",
    ];
    let folder = tempfile::tempdir().unwrap();
    for (index, text) in configs.iter().enumerate() {
        let file = folder.path().join(format!("c{index}"));
        std::fs::write(&file, text).unwrap();
        for name in ["a", "b", "A", "ab", "c.d"] {
            let Some(said) = ssh_says(&file, name) else {
                eprintln!("not run: there is no ssh here");
                return;
            };
            let context = format!("{name} in {text:?}");
            let ours = settings(name, text);
            let first = |word: &str| said.get(word).and_then(|list| list.first()).cloned().unwrap_or_default();
            let yes = |word: &str| matches!(first(word).as_str(), "yes" | "true");
            // ssh keeps the case of some names until it looks them up.
            assert_eq!(ours.host_name, first("hostname").to_ascii_lowercase(), "{context}");
            if ours.user != "me" {
                assert_eq!(ours.user, first("user"), "{context}");
            }
            assert_eq!(ours.port.to_string(), first("port"), "{context}");
            assert_eq!(ours.identities_only, yes("identitiesonly"), "{context}");
            assert_eq!(ours.hash_known_hosts, yes("hashknownhosts"), "{context}");
            assert_eq!(ours.host_key_alias.clone().unwrap_or_default(), first("hostkeyalias"), "{context}");
            let jumps: Vec<String> = ours.jumps.iter().map(|jump| jump.host.clone()).collect();
            let theirs: Vec<String> = match said.get("proxyjump") {
                Some(list) => {
                    list.iter().flat_map(|l| l.split(',')).filter_map(jump::parse_hop).map(|h| h.host).collect()
                }
                None => Vec::new(),
            };
            assert_eq!(jumps, theirs, "{context}");
            if let Some(files) = &ours.identity_files {
                let ours: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
                assert_eq!(&ours, &said["identityfile"], "{context}");
            } else {
                assert!(first("identityfile").contains("/.ssh/id_"), "{context}");
            }
            if text.contains("KnownHostsFile /k") {
                assert_eq!(first("userknownhostsfile"), "/k/a /k/b");
                assert_eq!(ours.user_known_hosts, [Path::new("/k/a"), Path::new("/k/b")], "{context}");
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "([a-zA-Z]{2,12}[ =\t]{0,2}|Host |Match all|IdentityFile |%|~|\"|\\\\|#|[^a]|\n){0,40}", name in "[^ ]{1,12}") {
        let settings = settings(&name, &text);
        proptest::prop_assert!(settings.port != 0);
    }
}
