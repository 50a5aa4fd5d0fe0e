//! Edits of a site file, read by Python's tomllib and by Slipway itself.

use std::process::Command;

use serde_json::{Value, json};
use slipway_engine::draft::{Edit, edit_text};

use super::generate::Values;
use super::{Tally, can_judge, cases, judge, same, split_nul};

/// What a person wrote; the edits must leave it as it is.
const WRITTEN: &str = "# Ours.\nschema = 1\nname = \"shop\" # never change\n\n[source]\nfolder = '.'\n\n[environment]\nA = \"\"\"kept\n\"\"\"\n";
/// Values of each kind in one file.
const KIND: usize = 100;

/// Prints every value that was put in, and nothing else may be there.
const READ: &str = "
import sys, tomllib
def tell(texts):
    for text in texts:
        sys.stdout.buffer.write(text.replace('\\\\', '\\\\\\\\').replace('\\0', '\\\\0').encode() + b'\\0')
for path in sys.argv[1:]:
    site = tomllib.load(open(path, 'rb'))
    assert sorted(site) == ['config_file', 'environment', 'name', 'schema', 'source'], site.keys()
    assert (site['schema'], site['name'], site['source']) == (1, 'shop', {'folder': '.'})
    assert site['environment'].pop('A') == 'kept\\n'
    assert list(site['config_file']) == ['a.json'] and sorted(site['config_file']['a.json']['json']) == ['list', 'map']
    tell(site['environment'][f'V{number}'] for number in range(len(site['environment'])))
    tell(site['config_file']['a.json']['json']['list'])
    tell(text for pair in site['config_file']['a.json']['json']['map'].items() for text in pair)
";

#[test]
fn tomllib_reads_what_was_put_in() {
    if !can_judge(&["python3"]) {
        return;
    }
    let (mut values, mut tally) = (Values::new(), Tally::default());
    let folder = tempfile::tempdir().unwrap();
    let total = cases(100_000);
    let (mut paths, mut sent) = (Vec::new(), Vec::new());
    while tally.sent < total {
        let single: Vec<String> = (0..KIND).map(|_| values.text()).collect();
        let list: Vec<String> = (0..KIND).map(|_| values.text()).collect();
        let mut map = serde_json::Map::new();
        (0..KIND).for_each(|_| drop(map.insert(values.text(), Value::from(values.text()))));
        let edits: Vec<Edit> = single
            .iter()
            .enumerate()
            .map(|(number, value)| Edit::set(&["environment", &format!("V{number}")], json!(value)))
            .chain([
                Edit::set(&["config_file", "a.json", "json", "list"], json!(list)),
                Edit::set(&["config_file", "a.json", "json", "map"], Value::Object(map.clone())),
            ])
            .collect();
        let pairs = map.iter().flat_map(|(key, value)| [key.clone(), value.as_str().unwrap().to_owned()]);
        let all: Vec<String> = single.into_iter().chain(list).chain(pairs).collect();
        let text = edit_text(WRITTEN, &edits).unwrap_or_else(|failure| panic!("{failure:#?}"));
        for line in WRITTEN.lines().filter(|line| line.contains('#')) {
            assert!(text.lines().any(|other| other == line), "{line:?} is gone");
        }
        let read = slipway_core::site::values(&text).unwrap();
        assert_eq!(read["config_file"]["a.json"]["json"]["map"], Value::Object(map));
        let path = folder.path().join(format!("{}.toml", paths.len()));
        std::fs::write(&path, text).unwrap();
        paths.push(path);
        tally.sent += all.len();
        sent.extend(all.iter().map(|value| value.replace('\\', "\\\\").replace('\0', "\\0")));
    }
    let found = judge(Command::new("python3").args(["-c", READ]).args(&paths));
    same(&split_nul(&found), &sent);
    tally.judged = sent.len();
    tally.close("TOML (edits of a site file)", "Python's tomllib, Slipway");
}
